import type { Chat, FunctionTool, ToolChoice } from "../../../../shared/openai/chat.ts";
import type {
  ResponsesInDepth,
  ResponsesTool,
  ResponsesToolChoice,
} from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";
import type { ToolNames } from "../tool-names.ts";

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
  const dropped = declared.flatMap((tool) => (tool.type === "other" ? [`tools.${tool.kind}`] : []));
  const offered = uniqueOf(declared.flatMap((tool) => functionsOf(tool, names)));
  const tools = allowedOf(offered, choice, names);
  if (tools.length === 0) {
    if (isForced(choice)) throw nothingToCall();
    return { dropped };
  }
  return {
    tools,
    dropped,
    ...(choice !== undefined && { tool_choice: chatChoice(choice, tools, names) }),
    ...(typeof request.parallel_tool_calls === "boolean" && {
      parallel_tool_calls: request.parallel_tool_calls,
    }),
  };
}

function declaredTools({ tools, input }: ResponsesInDepth): ResponsesTool[] {
  const added = (input ?? []).flatMap((item) =>
    item.type === "additional_tools" ? item.tools : [],
  );
  return [...(tools ?? []), ...added];
}

/** A tool that is offered twice counts once, as no upstream takes a name twice. */
function uniqueOf(tools: readonly FunctionTool[]): FunctionTool[] {
  const byName = new Map(tools.toReversed().map((tool) => [tool.function.name, tool]));
  return tools.filter((tool) => byName.get(tool.function.name) === tool);
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
    case "other":
      return [];
  }
}

function functionTool(
  { description, parameters, strict }: ToolOf<"function">,
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

/** Those that may be called, where the choice names some. */
function allowedOf(
  offered: readonly FunctionTool[],
  choice: ResponsesToolChoice | undefined,
  names: ToolNames,
): FunctionTool[] {
  if (!isAllowedTools(choice)) return [...offered];
  const allowed = new Set(
    choice.tools.map(({ name, namespace }) => (name ? names.inChat(name, namespace) : undefined)),
  );
  return offered.filter((tool) => allowed.has(tool.function.name));
}

function chatChoice(
  choice: ResponsesToolChoice,
  tools: readonly FunctionTool[],
  names: ToolNames,
): ToolChoice {
  if (typeof choice === "string") return choice;
  if (isAllowedTools(choice)) return choice.mode;
  const { name, namespace } = choice;
  const chatName = name ? names.inChat(name, namespace as string | undefined) : undefined;
  if (chatName === undefined || !tools.some((tool) => tool.function.name === chatName))
    throw notCallable(name ?? choice.type);
  return { type: "function", function: { name: chatName } };
}

function isForced(choice: ResponsesToolChoice | undefined): boolean {
  if (choice === undefined || typeof choice === "string") return choice === "required";
  return !isAllowedTools(choice) || choice.mode === "required";
}

type AllowedTools = Extract<ResponsesToolChoice, { mode: "auto" | "required" }>;

function isAllowedTools(choice: ResponsesToolChoice | undefined): choice is AllowedTools {
  return typeof choice === "object" && choice.type === "allowed_tools" && "mode" in choice;
}

function notCallable(tool: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `Cannot make the model call ${JSON.stringify(tool)}: it is no function of this request, and this model's provider runs no tools of OpenAI's`,
    { param: "tool_choice" },
  );
}

function nothingToCall(): GatewayError {
  return new GatewayError(
    "invalid_request",
    "Cannot make the model call a tool: the request has no function for it, and this model's provider runs no tools of OpenAI's",
    { param: "tool_choice" },
  );
}
