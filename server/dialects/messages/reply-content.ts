import { GatewayError } from "../../errors.ts";
import { type Fields, isFields, parseJson } from "../../providers/json.ts";
import type { ModelEvent, ToolCallStart } from "../../providers/model-event.ts";
import { toolUseId } from "./tool-use-id.ts";

interface TextBlock {
  readonly type: "text";
  text: string;
}
interface ThinkingBlock {
  readonly type: "thinking";
  thinking: string;
  signature: string;
}
interface ToolUseBlock {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  readonly input: Fields;
}
type Block = TextBlock | ThinkingBlock | ToolUseBlock | { type: "redacted_thinking"; data: string };

/**
 * What a model said as the blocks of a message. Images are left out, as in a stream.
 *
 * @throws GatewayError `upstream_failed` where a call has arguments that are no JSON object, though nothing cut them off
 */
export function contentBlocks(events: readonly ModelEvent[]): Block[] {
  const json = argumentsByCall(events);
  const isCutOff = events.some((event) => event.type === "finish" && event.reason === "length");
  const blocks: Block[] = [];
  /** Whether the last thought has its seal, so that a further one is another block. */
  let isSealed = false;
  for (const event of events) {
    if (event.type === "text-delta" || event.type === "refusal-delta") addText(blocks, event.text);
    else if (event.type === "reasoning-delta" && event.text !== "") {
      openThought(blocks, isSealed).thinking += event.text;
      isSealed = false;
    } else if (event.type === "reasoning-signature") {
      openThought(blocks, isSealed).signature = event.signature;
      isSealed = true;
    } else if (event.type === "reasoning-redacted")
      blocks.push({ type: "redacted_thinking", data: event.data });
    else if (event.type === "tool-call")
      blocks.push(toolUseBlock(event, inputOf(event, json.get(event.index) ?? "", isCutOff)));
  }
  return blocks;
}

function addText(blocks: Block[], text: string): void {
  const last = blocks.at(-1);
  if (last?.type === "text") last.text += text;
  else if (text !== "") blocks.push({ type: "text", text });
}

function openThought(blocks: Block[], isSealed: boolean): ThinkingBlock {
  const last = blocks.at(-1);
  if (last?.type === "thinking" && !isSealed) return last;
  const begun: ThinkingBlock = { type: "thinking", thinking: "", signature: "" };
  blocks.push(begun);
  return begun;
}

function argumentsByCall(events: readonly ModelEvent[]): Map<number, string> {
  const json = new Map<number, string>();
  for (const event of events)
    if (event.type === "tool-arguments-delta")
      json.set(event.index, (json.get(event.index) ?? "") + event.json);
  return json;
}

function toolUseBlock({ id, name, thoughtSignature }: ToolCallStart, input: Fields): ToolUseBlock {
  return { type: "tool_use", id: toolUseId({ id, thoughtSignature }), name, input };
}

/**
 * No arguments are an empty input, and so are those that the limit of tokens cut off, which `stop_reason` tells. Others that
 * are no object must not look like a call that takes nothing: the client would run it.
 */
function inputOf({ name }: ToolCallStart, json: string, isCutOff: boolean): Fields {
  const input = json.trim() === "" ? {} : parseJson(json);
  if (isFields(input)) return input;
  if (isCutOff) return {};
  throw new GatewayError(
    "upstream_failed",
    `Cannot read the arguments that the model gave to ${JSON.stringify(name)}: they are no JSON object`,
  );
}
