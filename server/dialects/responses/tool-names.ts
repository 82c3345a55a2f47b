import { type Fields, fieldsOf, listOf, textOf } from "../../providers/json.ts";

/** A tool as the client named it. */
export interface ClientTool {
  readonly name: string;
  readonly namespace: string | undefined;
  /** `custom` takes text as it is, in the place of a JSON object; `tool_search` has calls of a form of its own. */
  readonly kind: "function" | "custom" | "tool_search";
}

/** What the search for tools is called in a chat. */
export const toolSearchName = "tool_search";

/** Of a function in a chat. Source: https://platform.openai.com/docs/api-reference/chat/create */
const maxNameLength = 64;

/**
 * What the tools of a request are called in a chat, which has no namespaces: a tool goes by `namespace__name` there. The same
 * tools have the same names in every request, so that what was called before is known again.
 */
export class ToolNames {
  readonly #clientTools = new Map<string, ClientTool>();
  readonly #chatNames = new Map<string, string>();

  /** @param request as the client sent it: what it says of tools may not have been checked yet */
  constructor(request: Readonly<Record<string, unknown>>) {
    const added = listOf(request["input"])
      .map(fieldsOf)
      .filter((item) => addsTools.has(textOf(item["type"])));
    const declared = [request, ...added].flatMap(toolsOf);
    for (const tool of declared) this.#add(tool, undefined);
    for (const tool of declared) {
      const { type, name } = tool;
      if (type !== "namespace" || typeof name !== "string") continue;
      for (const member of toolsOf(tool)) this.#add(member, name);
    }
  }

  inChat(name: string, namespace: string | null | undefined): string {
    return this.#chatNames.get(keyOf(name, namespace)) ?? flatName(name, namespace);
  }

  /** A name that was never offered, as models make them up, is a function's. */
  ofClient(chatName: string): ClientTool {
    return (
      this.#clientTools.get(chatName) ?? { name: chatName, namespace: undefined, kind: "function" }
    );
  }

  #add(tool: Fields, namespace: string | undefined): void {
    const kind = kindOf(tool);
    const name = kind === "tool_search" ? toolSearchName : tool["name"];
    if (typeof name !== "string" || kind === undefined) return;
    const key = keyOf(name, namespace);
    if (this.#chatNames.has(key)) return;
    const chatName = this.#unused(flatName(name, namespace));
    this.#chatNames.set(key, chatName);
    this.#clientTools.set(chatName, { name, namespace, kind });
  }

  #unused(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#clientTools.has(name); count += 1) {
      const suffix = `_${count}`;
      name = wanted.slice(0, maxNameLength - suffix.length) + suffix;
    }
    return name;
  }
}

const addsTools = new Set(["additional_tools", "tool_search_output"]);

function toolsOf({ tools }: Fields): readonly Fields[] {
  return listOf(tools).map(fieldsOf);
}

/** Undefined where it is not called by a name, or not by the client. */
function kindOf({ type, execution }: Fields): ClientTool["kind"] | undefined {
  if (type === "tool_search") return execution === "client" ? "tool_search" : undefined;
  return type === "function" || type === "custom" ? type : undefined;
}

/** Namespaces in the field end with the separator already, as `mcp__github__` does. */
function flatName(name: string, namespace: string | null | undefined): string {
  if (!namespace) return name;
  const separator = namespace.endsWith("__") ? "" : "__";
  return `${namespace}${separator}${name}`.slice(0, maxNameLength);
}

function keyOf(name: string, namespace: string | null | undefined): string {
  return JSON.stringify([namespace ?? null, name]);
}
