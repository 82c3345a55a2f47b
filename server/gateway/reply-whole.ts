import { Buffer } from "node:buffer";
import type { Usage } from "../../shared/spend.ts";
import type { Answer } from "../providers/call.ts";
import { saysJson } from "../providers/content-type.ts";
import { type Fields, fieldsOf, isEmpty, isFields, parseJson } from "../providers/json.ts";
import type { CallFailure } from "../providers/source.ts";
import type { NativeFormat } from "../dialects/dialect.ts";
import { findMembers, findMembersOfWhole } from "../wire/json-members.ts";
import { isValue, type Span } from "../wire/span.ts";

/** A reply that is held until it is complete: whatever breaks before can still be told as an error. */
export type Whole =
  | {
      readonly kind: "complete";
      readonly body: Buffer;
      readonly usage: Usage | undefined;
      /** What it tells of in the place of an answer, as some upstreams do with status 200: `code`, `type`, `message`. */
      readonly error: Fields | undefined;
    }
  /** Something that is not a JSON object, as far as it is checked. */
  | { readonly kind: "foreign" }
  | { readonly kind: "failed"; readonly failure: CallFailure };

/** The most that a reply may take in memory. The largest in use are batches of embeddings. */
export const maxReplyBytes = 256 * 1024 * 1024;

const names = ["model", "usage", "error"].map((name) => Buffer.from(name));
/** What answers are in, in any of the formats. */
const answers = ["choices", "data", "content", "output", "results", "text"];

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
  const { modelSpan, usage, errorSpan } = facts;
  const error = errorSpan && errorIn(body);
  if (!modelSpan || model === undefined || isValue(body, modelSpan, model))
    return { kind: "complete", body, usage, error };
  const renamed = [body.subarray(0, modelSpan.start), model, body.subarray(modelSpan.end)];
  return { kind: "complete", body: Buffer.concat(renamed), usage, error };
}

/** One that stands beside an answer is none: not every upstream leaves out what it has nothing to say of. */
function errorIn(body: Buffer): Fields | undefined {
  const { error, status, ...reply } = fieldsOf(parseJson(body.toString()));
  if (isEmpty(error)) return undefined;
  const hasAnswer = status !== "failed" && answers.some((name) => !isEmpty(reply[name]));
  if (hasAnswer) return undefined;
  if (typeof error === "string") return { message: error };
  return isFields(error) ? error : undefined;
}

type ReadUsage = NativeFormat["readUsage"];

interface ReplyFacts {
  readonly modelSpan: Span | undefined;
  readonly errorSpan: Span | undefined;
  readonly usage: Usage | undefined;
}

/** For a body that says it is something else: nothing of it passes that is not JSON throughout. */
function parseObject(body: Buffer, readUsage: ReadUsage): ReplyFacts | undefined {
  // latin1 is the cheapest decoding, and what it garbles is text, of which neither the syntax nor the usage has any.
  const { value } = parse(body.toString("latin1"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [modelSpan, , errorSpan] = findMembers(body, { start: 0, end: body.length }, names);
  return { modelSpan, errorSpan, usage: readUsage(fieldOf(value, "usage")) };
}

/**
 * For a body that says it is JSON, at a third of what a parse takes. Its top level and its usage are checked; what is wrong
 * inside another value, such as a number that is none or a bracket that a brace closes, goes through to the client.
 */
function walk(body: Buffer, readUsage: ReadUsage): ReplyFacts | undefined {
  const found = findMembersOfWhole(body, names);
  if (!found) return undefined;
  const [modelSpan, usageSpan, errorSpan] = found;
  if (!usageSpan) return { modelSpan, errorSpan, usage: undefined };
  const reported = parse(body.toString("latin1", usageSpan.start, usageSpan.end));
  if (reported.kind === "broken") return undefined;
  return { modelSpan, errorSpan, usage: readUsage(reported.value) };
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
