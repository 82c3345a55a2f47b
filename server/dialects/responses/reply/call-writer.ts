import { fieldsOf, parseJson } from "../../../providers/json.ts";
import type { ToolCallStart } from "../../../providers/model-event.ts";
import { type EventLog, placeOf } from "./event-log.ts";
import type {
  CustomToolCallItem,
  FunctionCallItem,
  ItemStatus,
  OutputItem,
  ToolSearchCallItem,
} from "./output-items.ts";
import type { ClientTool } from "../tool-names.ts";

const idPrefixes = { function: "fc", custom: "ctc", tool_search: "tsc" } as const;

/**
 * Writes the call of a tool. Only a function's arguments go on as they come: one that takes text as it is, is a function of one
 * string in the chat, whose text is known once the arguments are whole, and a search has no events for pieces.
 */
export class CallWriter {
  readonly kind = "call";
  readonly index: number;
  readonly #log: EventLog;
  readonly #kind: ClientTool["kind"];
  readonly #called: Pick<FunctionCallItem, "id" | "call_id" | "name" | "namespace">;
  readonly #place: string;
  #json = "";

  constructor(log: EventLog, call: ToolCallStart, { name, namespace, kind }: ClientTool) {
    const id = log.nextId(idPrefixes[kind]);
    this.index = call.index;
    this.#log = log;
    this.#kind = kind;
    this.#called = { id, call_id: call.id, name, ...(namespace !== undefined && { namespace }) };
    this.#place = placeOf(id, log.output.length);
  }

  open(): string {
    return this.#log.added(this.#item("in_progress"));
  }

  write(json: string): string {
    this.#json += json;
    if (this.#kind !== "function") return "";
    return this.#log.event(
      "response.function_call_arguments.delta",
      `${this.#place},"delta":${JSON.stringify(json)}`,
    );
  }

  close(status: ItemStatus): string {
    switch (this.#kind) {
      case "function":
        return this.#closeFunction(status);
      case "custom":
        return this.#closeCustom(status);
      case "tool_search":
        return this.#log.done(this.#search(status));
    }
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
    const item = this.#custom(status);
    const input = JSON.stringify(item.input);
    return (
      this.#log.event("response.custom_tool_call_input.delta", `${this.#place},"delta":${input}`) +
      this.#log.event("response.custom_tool_call_input.done", `${this.#place},"input":${input}`) +
      this.#log.done(item)
    );
  }

  #item(status: ItemStatus): OutputItem {
    switch (this.#kind) {
      case "function":
        return this.#function(status);
      case "custom":
        return this.#custom(status);
      case "tool_search":
        return this.#search(status);
    }
  }

  #function(status: ItemStatus): FunctionCallItem {
    return { ...this.#called, type: "function_call", status, arguments: this.#json };
  }

  #custom(status: ItemStatus): CustomToolCallItem {
    return { ...this.#called, type: "custom_tool_call", status, input: inputOf(this.#json) };
  }

  #search(status: ItemStatus): ToolSearchCallItem {
    const { id, call_id } = this.#called;
    const given = parseJson(this.#json) ?? {};
    return { id, type: "tool_search_call", status, call_id, execution: "client", arguments: given };
  }
}

/** What a model has cut short, or written without the object around it, is given as it stands. */
function inputOf(json: string): string {
  const { input } = fieldsOf(parseJson(json));
  return typeof input === "string" ? input : json;
}
