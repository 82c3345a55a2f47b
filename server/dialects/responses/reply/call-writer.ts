import type { ToolCallStart } from "../../../providers/model-event.ts";
import { type EventLog, placeOf } from "./event-log.ts";
import { textOf } from "../json-fields.ts";
import type { CustomToolCallItem, FunctionCallItem, ItemStatus } from "./output-items.ts";
import type { ClientTool } from "../tool-names.ts";

/**
 * Writes the call of a tool. One that takes text as it is, is a function of one string in the chat: its text is known only once
 * the arguments are whole, and comes as one piece.
 */
export class CallWriter {
  readonly kind = "call";
  readonly index: number;
  readonly #log: EventLog;
  readonly #isCustom: boolean;
  readonly #called: Pick<FunctionCallItem, "id" | "call_id" | "name" | "namespace">;
  readonly #place: string;
  #json = "";

  constructor(log: EventLog, call: ToolCallStart, { name, namespace, isCustom }: ClientTool) {
    const id = log.nextId(isCustom ? "ctc" : "fc");
    this.index = call.index;
    this.#log = log;
    this.#isCustom = isCustom;
    this.#called = { id, call_id: call.id, name, ...(namespace !== undefined && { namespace }) };
    this.#place = placeOf(id, log.output.length);
  }

  open(): string {
    return this.#log.added(
      this.#isCustom ? this.#custom("in_progress", "") : this.#function("in_progress"),
    );
  }

  write(json: string): string {
    this.#json += json;
    if (this.#isCustom) return "";
    return this.#log.event(
      "response.function_call_arguments.delta",
      `${this.#place},"delta":${JSON.stringify(json)}`,
    );
  }

  close(status: ItemStatus): string {
    return this.#isCustom ? this.#closeCustom(status) : this.#closeFunction(status);
  }

  #closeFunction(status: ItemStatus): string {
    // Clients parse the arguments of a call that is complete, and a provider may send none where a tool takes none.
    const nothing = this.#json === "" && status === "completed" ? this.write("{}") : "";
    const item = this.#function(status);
    const members = `"name":${JSON.stringify(item.name)},"arguments":${JSON.stringify(item.arguments)}`;
    return (
      nothing +
      this.#log.event("response.function_call_arguments.done", `${this.#place},${members}`) +
      this.#log.done(item)
    );
  }

  #closeCustom(status: ItemStatus): string {
    const item = this.#custom(status, inputOf(this.#json));
    const input = JSON.stringify(item.input);
    return (
      this.#log.event("response.custom_tool_call_input.delta", `${this.#place},"delta":${input}`) +
      this.#log.event("response.custom_tool_call_input.done", `${this.#place},"input":${input}`) +
      this.#log.done(item)
    );
  }

  #function(status: ItemStatus): FunctionCallItem {
    return { ...this.#called, type: "function_call", status, arguments: this.#json };
  }

  #custom(status: ItemStatus, input: string): CustomToolCallItem {
    return { ...this.#called, type: "custom_tool_call", status, input };
  }
}

/** What a model has cut short, or written without the object around it, is given as it stands. */
function inputOf(json: string): string {
  try {
    return textOf(JSON.parse(json), "input") ?? json;
  } catch {
    return json;
  }
}
