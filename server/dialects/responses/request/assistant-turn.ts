import type {
  ChatMessage,
  ContentPart,
  ThinkingBlock,
  ToolCall,
} from "../../../../shared/openai/chat.ts";

export type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;

/** One message of the assistant, which several items make up: what it thought, what it said and what it called. */
export class AssistantTurn {
  readonly calls: ToolCall[] = [];
  readonly #thinking: ThinkingBlock[] = [];
  readonly #thoughts: string[] = [];
  #content: string | ContentPart[] | undefined;

  think(thought: string, blocks: readonly ThinkingBlock[]): void {
    if (thought) this.#thoughts.push(thought);
    this.#thinking.push(...blocks);
  }

  say(content: string | ContentPart[]): void {
    this.#content =
      this.#content === undefined ? content : [...partsOf(this.#content), ...partsOf(content)];
  }

  /** It said something and called nothing: whatever it says or thinks next is a message of its own, so that the order stays. */
  get isSaid(): boolean {
    return this.#content !== undefined && this.calls.length === 0;
  }

  /** Undefined where it has only thought, which no provider takes for a message. */
  message(): AssistantMessage | undefined {
    if (this.#content === undefined && this.calls.length === 0) return undefined;
    return {
      role: "assistant",
      content: this.#content ?? null,
      ...(this.calls.length > 0 && { tool_calls: this.calls }),
      ...(this.#thoughts.length > 0 && { reasoning_content: this.#thoughts.join("\n\n") }),
      ...(this.#thinking.length > 0 && { thinking_blocks: this.#thinking }),
    };
  }
}

function partsOf(content: string | ContentPart[]): ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}
