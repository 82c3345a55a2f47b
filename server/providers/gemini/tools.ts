import type { Chat, FunctionTool, ToolChoice } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { fieldsOf, type Fields } from "../json.ts";

/**
 * The tools that Google runs itself, by the names of its API. They are declared as `{"type": "google_search"}`; whatever
 * stands beside `type` is that tool's setting, in Google's words.
 *
 * Source: https://ai.google.dev/api/caching#Tool, https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Tool
 */
const googleTools: ReadonlyMap<string, string> = new Map(
  [
    "googleSearch",
    "googleSearchRetrieval",
    "googleMaps",
    "codeExecution",
    "urlContext",
    "fileSearch",
    "computerUse",
    "enterpriseWebSearch",
    "retrieval",
  ].flatMap((name) => [
    [name, name],
    [snakeCase(name), name],
  ]),
);

export interface EncodedTools {
  readonly tools?: readonly Fields[];
  readonly toolConfig?: Fields;
}

/** Declares the tools and says which of them may be called. What other providers run themselves is refused. */
export function encodeTools(chat: Chat, translation: Translation): EncodedTools {
  const functions: Fields[] = [];
  const hosted: Fields[] = [];
  for (const tool of chat.tools ?? []) {
    if (isFunction(tool)) functions.push(declare(tool, translation));
    else hosted.push(...encodeHosted(tool, translation));
  }
  if (chat.parallel_tool_calls === false) translation.drop("parallel_tool_calls");
  const tools = functions.length > 0 ? [{ functionDeclarations: functions }, ...hosted] : hosted;
  if (tools.length === 0) return {};
  const calling = chat.tool_choice ? encodeChoice(chat.tool_choice) : undefined;
  if (functions.length > 0 && calling)
    return { tools, toolConfig: { functionCallingConfig: calling } };
  if (calling && calling["mode"] !== "AUTO") translation.drop("tool_choice");
  return { tools };
}

/**
 * `parametersJsonSchema` takes JSON schemas as they are; `parameters`, a dialect of OpenAPI, answers with an error to every
 * keyword that it does not know (`$schema`, `additionalProperties`, `exclusiveMinimum` …), and has no `$ref`.
 */
function declare({ function: { name, ...rest } }: FunctionTool, translation: Translation): Fields {
  if (rest.strict) translation.drop("strict");
  return {
    name,
    ...(rest.description && { description: rest.description }),
    ...(rest.parameters &&
      takesSomething(rest.parameters) && { parametersJsonSchema: rest.parameters }),
  };
}

const otherMembers = [
  "$ref",
  "anyOf",
  "oneOf",
  "allOf",
  "patternProperties",
  "additionalProperties",
];

/** A function that takes an object without members is declared by declaring no parameters. */
function takesSomething(schema: Fields): boolean {
  if ((schema["type"] ?? "object") !== "object") return true;
  if (Object.keys(fieldsOf(schema["properties"])).length > 0) return true;
  return otherMembers.some((name) => typeof schema[name] === "object" && schema[name] !== null);
}

function encodeHosted(tool: Fields & { type: string }, translation: Translation): Fields[] {
  const { type, ...settings } = tool;
  const name = googleTools.get(type);
  if (name !== undefined) return [{ [name]: settings }];
  translation.refuse("tools", `its provider has no tool of the type ${JSON.stringify(type)}`);
  return [];
}

function encodeChoice(choice: ToolChoice): Fields {
  if (typeof choice === "object")
    return { mode: "ANY", allowedFunctionNames: [choice.function.name] };
  const modes = { none: "NONE", auto: "AUTO", required: "ANY" } as const;
  return { mode: modes[choice] };
}

function isFunction(tool: NonNullable<Chat["tools"]>[number]): tool is FunctionTool {
  return tool.type === "function";
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
