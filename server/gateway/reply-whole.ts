import { Buffer } from "node:buffer";
import type { Usage } from "../../shared/spend.ts";
import type { Answer } from "../providers/call.ts";
import { saysJson } from "../providers/content-type.ts";
import type { CallFailure } from "../providers/source.ts";
import type { NativeFormat } from "../dialects/dialect.ts";
import { findMembers, findMembersOfWhole } from "../wire/json-members.ts";
import { isValue, type Span } from "../wire/span.ts";

/** A reply that is held until it is complete: whatever breaks before can still be told as an error. */
export type Whole =
  | { readonly kind: "complete"; readonly body: Buffer; readonly usage: Usage | undefined }
  /** Something that is not a JSON object, as far as it is checked. */
  | { readonly kind: "foreign" }
  | { readonly kind: "failed"; readonly failure: CallFailure };

/** The most that a reply may take in memory. The largest in use are batches of embeddings. */
export const maxReplyBytes = 256 * 1024 * 1024;

const names = [Buffer.from("model"), Buffer.from("usage")];
const modelOnly = names.slice(0, 1);

/** Reads a reply that `collect` brought, puts `model`, which is JSON, in the place of the upstream's name, and finds the usage. */
export function readWhole(
  body: Buffer | CallFailure,
  answer: Answer,
  model: Buffer | undefined,
  readUsage: ReadUsage,
): Whole {
  if (!Buffer.isBuffer(body)) return { kind: "failed", failure: body };
  const facts = saysJson(answer) ? walk(body, readUsage) : parseObject(body, readUsage);
  if (!facts) return { kind: "foreign" };
  const { modelSpan, usage } = facts;
  if (!modelSpan || model === undefined) return { kind: "complete", body, usage };
  if (isValue(body, modelSpan, model)) return { kind: "complete", body, usage };
  return {
    kind: "complete",
    body: Buffer.concat([body.subarray(0, modelSpan.start), model, body.subarray(modelSpan.end)]),
    usage,
  };
}

type ReadUsage = NativeFormat["readUsage"];

interface ReplyFacts {
  readonly modelSpan: Span | undefined;
  readonly usage: Usage | undefined;
}

/** For a body that says it is something else: nothing of it passes that is not JSON throughout. */
function parseObject(body: Buffer, readUsage: ReadUsage): ReplyFacts | undefined {
  // latin1 is the cheapest decoding, and what it garbles is text, of which neither the syntax nor the usage has any.
  const { value } = parse(body.toString("latin1"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [modelSpan] = findMembers(body, { start: 0, end: body.length }, modelOnly);
  return { modelSpan, usage: readUsage(fieldOf(value, "usage")) };
}

/**
 * For a body that says it is JSON, at a third of what a parse takes. Its top level and its usage are checked; what is wrong
 * inside another value, such as a number that is none or a bracket that a brace closes, goes through to the client.
 */
function walk(body: Buffer, readUsage: ReadUsage): ReplyFacts | undefined {
  const found = findMembersOfWhole(body, names);
  if (!found) return undefined;
  const [modelSpan, usageSpan] = found;
  if (!usageSpan) return { modelSpan, usage: undefined };
  const reported = parse(body.toString("latin1", usageSpan.start, usageSpan.end));
  return reported.kind === "broken" ? undefined : { modelSpan, usage: readUsage(reported.value) };
}

function parse(
  json: string,
):
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "broken"; readonly value?: never } {
  try {
    return { kind: "value", value: JSON.parse(json) };
  } catch {
    return { kind: "broken" };
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
