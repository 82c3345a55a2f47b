import type {
  CustomTool,
  ToolChoice,
  TranslatableRequest,
} from "../../../shared/anthropic/messages.ts";
import type {
  Chat,
  FunctionTool,
  ToolChoice as ChatToolChoice,
} from "../../../shared/openai/chat.ts";

type Tools = NonNullable<TranslatableRequest["tools"]>;

/**
 * Tools as a chat has them. Those that Anthropic defines (`web_search_…`, `bash_…`, `text_editor_…`, `computer_…`) stay in its
 * words: which of them it can run or rename, or that it must refuse them, only the upstream's provider knows.
 */
export function chatTools(tools: Tools): NonNullable<Chat["tools"]> {
  return tools.map((tool) => (tool.type === "provider" ? tool.tool : functionTool(tool)));
}

function functionTool({
  name,
  description,
  input_schema,
  strict,
  cache_control,
}: CustomTool): FunctionTool {
  return {
    type: "function",
    function: { name, description, parameters: input_schema, strict },
    ...(cache_control && { cache_control }),
  };
}

const translatedFields = new Set([
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
]);

/** What is said of functions that a chat has no word for: `tools.defer_loading` … */
export function droppedOfTools(tools: Tools): string[] {
  const names = tools
    .filter((tool) => tool.type === "custom")
    .flatMap((tool) => Object.keys(tool))
    .filter((name) => !translatedFields.has(name));
  return [...new Set(names)].map((name) => `tools.${name}`);
}

export function chatToolChoice(choice: ToolChoice): ChatToolChoice {
  switch (choice.type) {
    case "auto":
    case "none":
      return choice.type;
    case "any":
      return "required";
    case "tool":
      return { type: "function", function: { name: choice.name } };
  }
}

/** Undefined where the client leaves it to the model: some upstreams refuse the parameter, whatever it says. */
export function parallelToolCalls(choice: ToolChoice | null | undefined): false | undefined {
  return choice && choice.type !== "none" && choice.disable_parallel_tool_use ? false : undefined;
}
