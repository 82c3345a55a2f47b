import type { Chat, FunctionTool } from "../../../../shared/openai/chat.ts";
import type { ResponsesInDepth, ResponsesTool } from "../../../../shared/openai/responses.ts";
import { allowedTools, chatToolChoice, isForced, nothingToCall } from "./tool-choice.ts";
import { type ToolNames, toolSearchName } from "../tool-names.ts";

type ToolOf<Type> = Extract<ResponsesTool, { type: Type }>;

interface ChatTools extends Pick<Chat, "tools" | "tool_choice" | "parallel_tool_calls"> {
  /** Kinds of tools that were left out, as `tools.web_search`. */
  readonly dropped: readonly string[];
}

/**
 * The functions that a request offers, and which of them is to be called. Tools that OpenAI itself runs are left out.
 *
 * @throws GatewayError `invalid_request` where one that is left out must be called
 */
export function chatTools(request: ResponsesInDepth, names: ToolNames): ChatTools {
  const declared = declaredTools(request);
  const choice = request.tool_choice ?? undefined;
  const dropped = declared.flatMap(droppedKind);
  const offered = uniqueOf(declared.flatMap((tool) => functionsOf(tool, names)));
  const tools = allowedTools(offered, choice, names);
  if (tools.length === 0) {
    if (isForced(choice)) throw nothingToCall();
    return { dropped };
  }
  return {
    tools,
    dropped,
    ...(choice !== undefined && { tool_choice: chatToolChoice(choice, tools, names) }),
    ...(typeof request.parallel_tool_calls === "boolean" && {
      parallel_tool_calls: request.parallel_tool_calls,
    }),
  };
}

function declaredTools({ tools, input }: ResponsesInDepth): ResponsesTool[] {
  const added = (input ?? []).flatMap((item) =>
    item.type === "additional_tools" || item.type === "tool_search_output" ? item.tools : [],
  );
  return [...(tools ?? []), ...added];
}

/** A tool that is offered twice counts once, as no upstream takes a name twice. */
function uniqueOf(tools: readonly FunctionTool[]): FunctionTool[] {
  const byName = new Map(tools.toReversed().map((tool) => [tool.function.name, tool]));
  return tools.filter((tool) => byName.get(tool.function.name) === tool);
}

/** What a tool is called in the chat: one name, those of a namespace, or none. */
export function chatNamesOf(tool: ResponsesTool, names: ToolNames): string[] {
  return functionsOf(tool, names).map(({ function: { name } }) => name);
}

function functionsOf(tool: ResponsesTool, names: ToolNames): FunctionTool[] {
  switch (tool.type) {
    case "function":
      return [functionTool(tool, names.inChat(tool.name, undefined))];
    case "custom":
      return [textTool(tool, names.inChat(tool.name, undefined))];
    case "namespace":
      return tool.tools.map((member) => {
        const name = names.inChat(member.name, tool.name);
        return member.type === "custom" ? textTool(member, name) : functionTool(member, name);
      });
    case "tool_search":
      return isOfClient(tool) ? [functionTool(tool, toolSearchName)] : [];
    case "other":
      return [];
  }
}

function droppedKind(tool: ResponsesTool): string[] {
  if (tool.type === "tool_search") return isOfClient(tool) ? [] : ["tools.tool_search"];
  return tool.type === "other" ? [`tools.${tool.kind}`] : [];
}

function isOfClient({ execution }: ToolOf<"tool_search">): boolean {
  return execution === "client";
}

function functionTool(
  {
    description,
    parameters,
    strict,
  }: Pick<ToolOf<"function">, "description" | "parameters" | "strict">,
  name: string,
): FunctionTool {
  return {
    type: "function",
    function: {
      name,
      ...(description && { description }),
      ...(parameters && { parameters }),
      ...(typeof strict === "boolean" && { strict }),
    },
  };
}

/** A function of one string. A grammar that the text has to follow is told in words: no chat can hold a model to it. */
function textTool({ description, format }: ToolOf<"custom">, name: string): FunctionTool {
  const grammar = format?.definition
    ? `The input has to match this ${format.syntax ?? ""} grammar:\n${format.definition}`
    : undefined;
  const words = [description, grammar].filter((text) => text).join("\n\n");
  return {
    type: "function",
    function: {
      name,
      ...(words && { description: words }),
      parameters: {
        type: "object",
        properties: { input: { type: "string", description: "The input, as it is" } },
        required: ["input"],
        additionalProperties: false,
      },
    },
  };
}
