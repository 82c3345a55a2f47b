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
  readonly input: unknown;
}
type Block = TextBlock | ThinkingBlock | ToolUseBlock | { type: "redacted_thinking"; data: string };

/** What a model said as the blocks of a message. Images are left out, as in a stream. */
export function contentBlocks(events: readonly ModelEvent[]): Block[] {
  const json = argumentsByCall(events);
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
      blocks.push(toolUseBlock(event, json.get(event.index) ?? ""));
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

function toolUseBlock({ id, name, thoughtSignature }: ToolCallStart, json: string): ToolUseBlock {
  return {
    type: "tool_use",
    id: toolUseId({ id, thoughtSignature }),
    name,
    input: inputOf(json),
  };
}

/** Arguments that were cut off by the limit of tokens are no JSON: then `stop_reason` says so, and the input is empty. */
function inputOf(json: string): object {
  try {
    const input: unknown = JSON.parse(json);
    return typeof input === "object" && input !== null && !Array.isArray(input) ? input : {};
  } catch {
    return {};
  }
}
