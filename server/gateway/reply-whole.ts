import type { Usage } from "../../shared/spend.ts";
import { collect } from "../providers/body.ts";
import type { Answer, CallFailure } from "../providers/call.ts";
import { readUsage } from "../providers/usage.ts";
import { findMembers, isValue } from "./json-members.ts";

/** A reply that is held until it is complete: whatever breaks before can still be told as an error. */
export type Whole =
  | { readonly kind: "complete"; readonly body: Buffer; readonly usage: Usage | undefined }
  /** Something that is not a JSON object. */
  | { readonly kind: "foreign" }
  | { readonly kind: "failed"; readonly failure: CallFailure };

/** The most that a reply may take in memory. The largest in use are batches of embeddings. */
const maxReplyBytes = 256 * 1024 * 1024;

const names = [Buffer.from("model"), Buffer.from("usage")];
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Reads a reply, puts `model` in the place of the upstream's name, and finds the usage. */
export async function readWhole(answer: Answer, model: string | undefined): Promise<Whole> {
  const body = await collect(answer, maxReplyBytes);
  if (!Buffer.isBuffer(body)) return { kind: "failed", failure: body };
  if (!isJsonObject(answer, body)) return { kind: "foreign" };
  const [modelSpan, usageSpan] = findMembers(body, { start: 0, end: body.length }, names);
  const reported = usageSpan && parse(body.subarray(usageSpan.start, usageSpan.end));
  if (reported?.kind === "broken") return { kind: "foreign" };
  const usage = readUsage(reported?.value);
  if (!modelSpan || model === undefined) return { kind: "complete", body, usage };
  const name = Buffer.from(JSON.stringify(model));
  if (isValue(body, modelSpan, name)) return { kind: "complete", body, usage };
  return {
    kind: "complete",
    body: Buffer.concat([body.subarray(0, modelSpan.start), name, body.subarray(modelSpan.end)]),
    usage,
  };
}

/** A body that says it is JSON is believed by its first and last characters; any other is parsed to find out. */
function isJsonObject({ headers }: Answer, body: Buffer): boolean {
  let first = 0;
  while (isBlank(body[first])) first += 1;
  let last = body.length - 1;
  while (isBlank(body[last])) last -= 1;
  if (body[first] !== openBrace || body[last] !== closeBrace) return false;
  return String(headers["content-type"]).includes("json") || parse(body).kind === "value";
}

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && byte <= 0x20;
}

function parse(
  json: Buffer,
):
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "broken"; readonly value?: never } {
  try {
    return { kind: "value", value: JSON.parse(json.toString()) };
  } catch {
    return { kind: "broken" };
  }
}

/** What a model generated, for counting where an upstream reported no usage: text, thinking, arguments of tools. */
export function generatedText(body: Buffer): string {
  const { value } = parse(body);
  const choices = fieldOf(value, "choices");
  if (!Array.isArray(choices)) return "";
  return choices
    .map((choice) =>
      [fieldOf(choice, "text"), ...messageTexts(fieldOf(choice, "message"))]
        .filter(isText)
        .join(""),
    )
    .join("");
}

function messageTexts(message: unknown): unknown[] {
  const calls = fieldOf(message, "tool_calls");
  const called = Array.isArray(calls) ? calls.map((call) => fieldOf(call, "function")) : [];
  const thinking = fieldOf(message, "reasoning_content") ?? fieldOf(message, "reasoning");
  return [
    fieldOf(message, "content"),
    thinking,
    ...called.flatMap((tool) => [fieldOf(tool, "name"), fieldOf(tool, "arguments")]),
  ];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
