import { readAnthropicUsage } from "../../providers/anthropic/usage.ts";
import { isFields, parseJson } from "../../providers/json.ts";
import type { NativeFormat } from "../dialect.ts";
import { errorBody } from "./error-body.ts";
import { StreamReader } from "./stream-reader.ts";

/** Replies of upstreams that speak Anthropic's format themselves. A stream of theirs that lacks its `message_stop` broke off. */
export const native: NativeFormat = {
  createReader() {
    const reader = new StreamReader();
    return (bytes, event, text) => reader.read(bytes, event, text);
  },
  readUsage: readAnthropicUsage,
  generatedText,
  isOpening: ({ type }) => type === "message_start" || type === "ping",
  repliesTellErrors: false,
  missingEnd: undefined,
  errorEvent: (error) => `event: error\ndata: ${JSON.stringify(errorBody(error))}\n\n`,
};

function generatedText(body: Buffer): string {
  const message = parseJson(body.toString());
  const content = isFields(message) ? message["content"] : undefined;
  return Array.isArray(content) ? content.map(textOfBlock).join("") : "";
}

function textOfBlock(block: unknown): string {
  if (!isFields(block)) return "";
  const { text, thinking, name, input } = block;
  const called = isFields(input) ? JSON.stringify(input) : undefined;
  return [text, thinking, name, called].filter((piece) => typeof piece === "string").join("");
}
