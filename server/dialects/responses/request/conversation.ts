import type { ChatMessage, ToolCall } from "../../../../shared/openai/chat.ts";
import type { ResponsesItem } from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";
import { AssistantTurn } from "./assistant-turn.ts";
import { chatContent } from "./content.ts";
import { notKept } from "./stateless.ts";
import { chatNamesOf } from "./tools.ts";
import { unsealThoughts } from "../sealed-thoughts.ts";
import { type ToolNames, toolSearchName } from "../tool-names.ts";

type ItemOf<Type> = Extract<ResponsesItem, { type: Type }>;
type ToolOutput = ItemOf<"function_call_output" | "custom_tool_call_output" | "tool_search_output">;

/**
 * The items of a request as messages. Items that follow each other and are the assistant's make up one message, and what its
 * calls gave comes right behind it, wherever the client put that: a chat is refused otherwise.
 */
export class Conversation {
  readonly messages: ChatMessage[] = [];
  /** Kinds of items that were left out, as `input.web_search_call`. */
  readonly dropped = new Set<string>();
  readonly #names: ToolNames;
  readonly #outputs = new Map<string, ChatMessage>();
  /** Of calls that were left out: their outputs are, too. */
  readonly #droppedCalls = new Set<string>();
  readonly #thoughtSignatures = new Map<string, string>();
  #turn = new AssistantTurn();

  constructor(names: ToolNames) {
    this.#names = names;
  }

  addAll(items: readonly ResponsesItem[]): void {
    for (const [index, item] of items.entries())
      if (isOutput(item) && item.call_id)
        this.#outputs.set(item.call_id, this.#outputMessage(item, `input.${index}`));
    for (const [index, item] of items.entries()) this.#add(item, `input.${index}`);
    this.#endTurn();
  }

  #add(item: ResponsesItem, param: string): void {
    switch (item.type) {
      case "message":
        return this.#addMessage(item, param);
      case "reasoning":
        return this.#addThoughts(item);
      case "function_call":
        return this.#addCall(item, item.arguments);
      case "custom_tool_call":
        return this.#addCall(item, JSON.stringify({ input: item.input }));
      case "function_call_output":
      case "custom_tool_call_output":
        return this.#addOutput(item.call_id);
      case "tool_search_call":
        return this.#addSearch(item);
      case "tool_search_output":
        return this.#addOutput(item.call_id ?? "");
      case "additional_tools":
        return;
      case "item_reference":
        return this.#addReference(item, param);
      case "other":
        return this.#leaveOut(item, param);
    }
  }

  #addMessage({ role, content }: ItemOf<"message">, param: string): void {
    const said = chatContent(content, `${param}.content`);
    if (role === "assistant") {
      if (this.#turn.isSaid) this.#endTurn();
      this.#turn.say(said);
    } else {
      this.#endTurn();
      this.messages.push({ role, content: said });
    }
  }

  #addThoughts({ summary, content, encrypted_content }: ItemOf<"reasoning">): void {
    const opened = encrypted_content ? unsealThoughts(encrypted_content) : undefined;
    for (const [id, signature] of opened?.calls ?? []) this.#thoughtSignatures.set(id, signature);
    const shown = content?.length ? content : (summary ?? []);
    const thought = shown.map(({ text }) => text).join("\n\n");
    const blocks = opened?.thinking ?? [];
    if (!thought && blocks.length === 0) return;
    if (this.#turn.isSaid) this.#endTurn();
    this.#turn.think(thought, blocks);
  }

  #addCall(
    { call_id, name, namespace }: ItemOf<"function_call" | "custom_tool_call">,
    json: string,
  ): void {
    const signature = this.#thoughtSignatures.get(call_id);
    const call: ToolCall = {
      id: call_id,
      type: "function",
      function: { name: this.#names.inChat(name, namespace), arguments: json },
      ...(signature && { extra_content: { google: { thought_signature: signature } } }),
    };
    this.#turn.calls.push(call);
  }

  /** One that OpenAI ran says nothing that its output does not. */
  #addSearch({ call_id, arguments: given }: ItemOf<"tool_search_call">): void {
    if (!call_id) return;
    const name = toolSearchName;
    const json = JSON.stringify(given ?? {});
    this.#addCall({ type: "function_call", call_id, name, arguments: json }, json);
  }

  /** One that is left over has no call before it: what to make of that is the upstream's to say. */
  #addOutput(callId: string): void {
    this.#endTurn();
    const output = this.#outputs.get(callId);
    if (output && !this.#droppedCalls.has(callId)) this.messages.push(output);
    this.#outputs.delete(callId);
  }

  #outputMessage(item: ToolOutput, param: string): ChatMessage {
    const content =
      item.type === "tool_search_output"
        ? this.#foundTools(item)
        : chatContent(item.output, `${param}.output`);
    return { role: "tool", tool_call_id: item.call_id ?? "", content };
  }

  /**
   * A thought that is only named is left out: the conversation can be followed without it. The AI SDK, which takes replies for
   * stored unless it is told otherwise, names those of every turn that goes on with a tool's result.
   */
  #addReference({ id }: ItemOf<"item_reference">, param: string): void {
    if (!id.startsWith("rs_")) throw notKept(param, `the item ${JSON.stringify(id)}`);
    this.dropped.add("input.item_reference");
  }

  /** What they are for is told where all tools are. */
  #foundTools({ tools }: ItemOf<"tool_search_output">): string {
    const found = tools.flatMap((tool) => chatNamesOf(tool, this.#names));
    return found.length > 0
      ? `Found, to be called from here on: ${found.join(", ")}`
      : "None found";
  }

  #leaveOut({ kind, call_id }: ItemOf<"other">, param: string): void {
    // What is compacted stands for all that came before it: without it, the model would answer something else.
    if (kind.startsWith("compaction"))
      throw new GatewayError(
        "invalid_request",
        "Cannot use a compacted conversation: only the provider that compacted it can read it",
        { param },
      );
    this.dropped.add(`input.${kind}`);
    if (call_id) this.#droppedCalls.add(call_id);
  }

  #endTurn(): void {
    const message = this.#turn.message();
    const { calls } = this.#turn;
    this.#turn = new AssistantTurn();
    if (!message) return;
    this.messages.push(message);
    for (const { id } of calls) {
      const output = this.#outputs.get(id);
      if (output) this.messages.push(output);
      this.#outputs.delete(id);
    }
  }
}

const outputTypes: ReadonlySet<string> = new Set([
  "function_call_output",
  "custom_tool_call_output",
  "tool_search_output",
]);

function isOutput(item: ResponsesItem): item is ToolOutput {
  return outputTypes.has(item.type);
}
