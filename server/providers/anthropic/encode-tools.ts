import type { Chat, FunctionTool, ToolChoice } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { cacheMark } from "./block.ts";
import { closeSchema } from "./closed-schema.ts";
import type { Fields } from "../json.ts";
import type { ModelTraits } from "./model-traits.ts";

export interface Tooling {
  /** The parameters of the request, where there are any. */
  readonly parameters: Fields;
  readonly forcesTool: boolean;
  /** Names for the header `anthropic-beta`. */
  readonly betas: readonly string[];
}

type Tool = NonNullable<Chat["tools"]>[number];

/** Tools of Anthropic's that are no part of its API without a header. */
const betaOfTool = new Map([
  ["computer_20241022", "computer-use-2024-10-22"],
  ["computer_20250124", "computer-use-2025-01-24"],
  ["computer_20251124", "computer-use-2025-11-24"],
]);

/** `tools`, `tool_choice` and `parallel_tool_calls`. Without tools the other two mean nothing. */
export function encodeTools(chat: Chat, traits: ModelTraits, translation: Translation): Tooling {
  const tools = chat.tools ?? [];
  if (tools.length === 0) return { parameters: {}, forcesTool: false, betas: [] };
  const { choice, named } = encodeChoice(chat, traits, translation);
  const offered = named === undefined ? tools : tools.filter((tool) => nameOf(tool) === named);
  return {
    parameters: {
      tools: offered.map((tool) => encodeTool(tool, traits, translation)),
      ...(choice && { tool_choice: choice }),
    },
    forcesTool: choice?.["type"] === "any" || choice?.["type"] === "tool",
    betas: tools.flatMap(({ type }) => betaOfTool.get(type) ?? []),
  };
}

function encodeTool(tool: Tool, traits: ModelTraits, translation: Translation): Fields {
  if (!isFunction(tool)) return tool;
  const { name, description, parameters, strict } = tool.function;
  const schema = objectSchema(parameters ?? {});
  const closed = strict && traits.hasStructuredOutputs ? closeSchema(schema) : undefined;
  if (strict && closed === undefined) translation.drop("strict");
  return {
    name,
    ...(description && { description }),
    input_schema: closed ?? schema,
    ...(closed && { strict: true }),
    ...cacheMark(tool),
  };
}

function isFunction(tool: Tool): tool is FunctionTool {
  return tool.type === "function";
}

function nameOf(tool: Tool): unknown {
  return isFunction(tool) ? tool.function.name : tool["name"];
}

/** Anthropic demands the type that OpenAI takes for granted. */
function objectSchema(schema: Fields): Fields {
  const typed = schema["type"] === "object" ? schema : { ...schema, type: "object" };
  return typed["properties"] ? typed : { ...typed, properties: {} };
}

interface Choice {
  readonly choice: Fields | undefined;
  /** The one tool to offer, where the model cannot be made to call it. */
  readonly named?: string;
}

function encodeChoice(chat: Chat, traits: ModelTraits, translation: Translation): Choice {
  const { tool_choice: asked, parallel_tool_calls: isParallel } = chat;
  if (asked === "none") return { choice: { type: "none" } };
  const alone = isParallel === false ? { disable_parallel_tool_use: true } : {};
  const automatic = { type: "auto", ...alone };
  if (asked && asked !== "auto" && !traits.hasForcedTools) {
    translation.refuse("tool_choice", "its provider's model cannot be made to call a tool");
    return { choice: automatic, ...(asked !== "required" && { named: asked.function.name }) };
  }
  if (!asked) return { choice: isParallel === false ? automatic : undefined };
  return { choice: { ...choiceOf(asked), ...alone } };
}

function choiceOf(asked: Exclude<ToolChoice, "none">): Fields {
  if (asked === "auto") return { type: "auto" };
  return asked === "required" ? { type: "any" } : { type: "tool", name: asked.function.name };
}
