import { GatewayError } from "../../errors.ts";
import type { CallFailure } from "../source.ts";
import type { LibraryFailure } from "../library.ts";
import { isTooDeep, nestedTooDeeply } from "../translation.ts";
import { fieldsOf, isFields, wordsOf } from "../json.ts";

// Errors of the SDK are told by their names: its classes are there only where one of its packages is installed.
const apiCallError = "AI_APICallError";
/** Something is in the request that the package cannot say to its vendor: in its content, in its model, or anywhere. */
const inexpressible: ReadonlyMap<unknown, "content" | "model" | undefined> = new Map([
  ["AI_UnsupportedFunctionalityError", "content"],
  ["AI_InvalidPromptError", "content"],
  ["AI_NoSuchModelError", "model"],
  ["AI_InvalidArgumentError", undefined],
]);
/** The operator left something out. */
const missingSetting = new Set(["AI_LoadAPIKeyError", "AI_LoadSettingError"]);

/**
 * What a call came to that threw: an answer with a status other than 2xx, a failure, or a request that the package could not put
 * into its vendor's words.
 *
 * @param content the parameter that the request's content is in
 */
export function outcomeOf(thrown: unknown, content: "messages" | "input"): LibraryFailure {
  const error = fieldsOf(thrown);
  if (inexpressible.has(error["name"])) {
    const place = inexpressible.get(error["name"]);
    return inexpressibleAs(place === "content" ? content : place, thrown);
  }
  if (isTooDeep(thrown)) return { kind: "inexpressible", error: nestedTooDeeply(thrown) };
  const status = error["statusCode"];
  if (error["name"] !== apiCallError || typeof status !== "number" || status < 300)
    return { kind: "failed", failure: callFailureOf(thrown) };
  return {
    kind: "refused",
    status,
    headers: headersOf(error["responseHeaders"]),
    body: Buffer.from(wordsOf(error["responseBody"]) ?? ""),
  };
}

function inexpressibleAs(param: string | undefined, cause: unknown): LibraryFailure {
  const why = wordsOf(fieldsOf(cause)["message"]) ?? "it is not supported";
  const message = `Cannot put the request into the words of its provider: ${why}`;
  const details = { ...(param !== undefined && { param }), cause };
  return { kind: "inexpressible", error: new GatewayError("invalid_request", message, details) };
}

function headersOf(headers: unknown): Record<string, string | undefined> {
  const entries = Object.entries(fieldsOf(headers));
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), wordsOf(value)]));
}

const timeouts = new Set([
  "ETIMEDOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "TimeoutError",
]);
const unreachable = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
]);
const tls = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** A connection that failed, by the code at the end of its chain of causes. */
export function callFailureOf(thrown: unknown): CallFailure {
  const error = fieldsOf(thrown);
  const name = wordsOf(error["name"]) ?? "Error";
  // Nothing has left, so that another deployment may be asked; the operator reads what is missing.
  if (missingSetting.has(name) || isWithoutCredentials(error))
    return { kind: "unreachable", reason: wordsOf(error["message"])?.split("\n")[0] ?? name };
  const reason = codeOf(thrown) ?? name;
  if (timeouts.has(reason)) return { kind: "timeout", reason };
  return { kind: unreachable.has(reason) || tls.test(reason) ? "unreachable" : "broken", reason };
}

/** Bedrock's package says so in a plain `Error`. */
function isWithoutCredentials(error: Readonly<Record<string, unknown>>): boolean {
  return wordsOf(error["message"])?.startsWith("AWS SigV4 authentication requires") ?? false;
}

/** Longer chains are none that a network error makes. */
const maxCauses = 8;

function codeOf(thrown: unknown): string | undefined {
  let error = thrown;
  let code: string | undefined;
  for (let depth = 0; isFields(error) && depth < maxCauses; depth += 1) {
    code = wordsOf(error["code"]) ?? code;
    error = error["cause"];
  }
  return code;
}
