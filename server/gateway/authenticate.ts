import type { IncomingMessage } from "node:http";
import type { H3Event } from "h3";
import { GatewayError } from "../errors.ts";
import { hashSecret } from "../secrets.ts";
import { admin, type Caller } from "./caller.ts";
import type { Vouch } from "./custom-auth.ts";
import type { KeyCache } from "./key-cache.ts";
import type { KeyChanges } from "./key-changes.ts";
import { nodeOf } from "./node-event.ts";
import { readBody } from "./request-body.ts";

export interface Authentication {
  readonly keys: KeyCache;
  readonly changes: KeyChanges;
  /** Whether a hash is the master key's; undefined where none is configured and every caller is the admin. */
  readonly isMasterKey: ((hash: string) => boolean) | undefined;
  readonly vouch: Vouch | undefined;
  /** A replica that has not heard from the database for longer serves no virtual key. */
  readonly maxStalenessMs: number;
  readonly maxBodyBytes: number;
}

/**
 * Finds out who is calling: the master key, else whom custom auth vouches for, else a virtual key that is neither
 * blocked nor expired. Answers at once where nobody has to be asked.
 */
export function authenticate(
  authentication: Authentication,
  event: H3Event,
): Caller | Promise<Caller> {
  const { request } = nodeOf(event);
  const presented = presentedKey(request);
  const hash = presented === undefined ? undefined : hashSecret(presented);
  const known = keyAtHand(authentication, hash);
  if (known) return assertUsable(known);
  if (hash !== undefined && authentication.isMasterKey?.(hash)) return admin;
  const found = authentication.vouch
    ? vouchedOrVirtual(authentication, event, { presented, hash })
    : virtualKey(authentication, hash);
  return found instanceof Promise
    ? found.then((caller) => recognise(authentication, caller, presented))
    : recognise(authentication, found, presented);
}

interface Presented {
  readonly presented: string | undefined;
  readonly hash: string | undefined;
}

async function vouchedOrVirtual(
  authentication: Authentication,
  event: H3Event,
  { presented, hash }: Presented,
): Promise<Caller | undefined> {
  return (
    (await customCaller(authentication, event, presented)) ??
    (await virtualKey(authentication, hash))
  );
}

function recognise(
  authentication: Authentication,
  caller: Caller | undefined,
  presented: string | undefined,
): Caller {
  if (caller) return assertUsable(caller);
  if (!authentication.isMasterKey && !authentication.vouch) return admin;
  throw presented === undefined
    ? new GatewayError(
        "invalid_api_key",
        "No API key was sent: expected a header Authorization: Bearer sk-…",
      )
    : new GatewayError(
        "invalid_api_key",
        "The API key is not known here: it was mistyped, deleted, or issued elsewhere",
      );
}

/** The headers that clients send keys in, in the order in which they are believed. */
export function presentedKey({ headers }: IncomingMessage): string | undefined {
  const bearer = headers.authorization;
  return (
    text(headers["x-litellm-api-key"]) ??
    (bearer === undefined ? undefined : withoutScheme(bearer)) ??
    text(headers["api-key"]) ??
    text(headers["x-api-key"]) ??
    text(headers["x-goog-api-key"])
  );
}

function text(header: string | string[] | undefined): string | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  return value ? withoutScheme(value) : undefined;
}

function withoutScheme(value: string): string | undefined {
  const key = /^bearer\s/i.test(value) ? value.slice(7).trim() : value.trim();
  return key === "" || /^bearer$/i.test(key) ? undefined : key;
}

async function customCaller(
  { vouch, maxBodyBytes }: Authentication,
  event: H3Event,
  presented: string | undefined,
) {
  if (!vouch) return undefined;
  const { method, url, headers } = event.req;
  const body =
    method === "GET" || method === "HEAD"
      ? null
      : new Uint8Array(await readBody(event, maxBodyBytes));
  return vouch(new Request(url, { method, headers, body }), presented ?? "");
}

/** A key that was found before: it was compared with the master key then. Custom auth, where there is some, is asked each time. */
function keyAtHand(authentication: Authentication, hash: string | undefined): Caller | undefined {
  if (hash === undefined || authentication.vouch) return undefined;
  const caller = authentication.keys.atHand(hash);
  if (caller) assertInTouch(authentication);
  return caller;
}

function virtualKey(authentication: Authentication, hash: string | undefined) {
  if (hash === undefined) return undefined;
  assertInTouch(authentication);
  return authentication.keys.find(hash);
}

/** What is cached is good as long as its changes would be heard of. */
function assertInTouch({ changes, maxStalenessMs }: Authentication): void {
  if (changes.stalenessMs > maxStalenessMs)
    throw new GatewayError(
      "database_unavailable",
      "Cannot check API keys: the database has been out of reach for too long",
      {
        headers: { "retry-after": "5" },
      },
    );
}

function assertUsable(caller: Caller): Caller {
  if (caller.blocked)
    throw new GatewayError("key_blocked", `Cannot use ${caller.name}: it is blocked`);
  if (caller.expiresAtMs <= Date.now())
    throw new GatewayError(
      "expired_key",
      `Cannot use ${caller.name}: it expired at ${new Date(caller.expiresAtMs).toISOString()}`,
    );
  return caller;
}
