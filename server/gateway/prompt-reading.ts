import { fieldsOf, isFields, listOf } from "../providers/json.ts";

type Request = Readonly<Record<string, unknown>>;

/** Parts of a prompt, in any of the formats, that are as many tokens as their text at most, and no more. */
const textual = new Set([
  "text",
  "refusal",
  "input_text",
  "output_text",
  "summary_text",
  "reasoning_text",
  "message",
  "reasoning",
  "thinking",
  "redacted_thinking",
  "tool_use",
  "tool_result",
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
]);

/** Tools that the caller runs: what they find comes with a request of its own. */
const ownTools = new Set(["function", "custom"]);

/** Names under which a request refers to what its upstream keeps, or has others fetch. */
const references = [
  "previous_response_id",
  "conversation",
  "prompt",
  "container",
  "mcp_servers",
  "cached_content",
  "context_management",
];

/** How deep tools may tell of what tools told: beyond it a message is not looked at any more. */
const maxDepth = 16;

/** The messages of a chat, or the items of a response; one for a prompt that is neither. */
export function messagesOf({ messages, input }: Request): readonly unknown[] {
  if (Array.isArray(messages)) return messages;
  return Array.isArray(input) && input.some(isFields) ? input : [undefined];
}

/**
 * Whether a model reads more for a request than the text in it: images, audio and files, what a tool of the provider's finds,
 * and what the provider has kept.
 */
export function readsMore(request: Request): boolean {
  return (
    messagesOf(request).some((message) => carriesMore(message)) ||
    listOf(request["tools"]).some((tool) => !isOwnTool(fieldsOf(tool))) ||
    request["web_search_options"] != null ||
    // A completion's own prompt is text, or tokens.
    references.some(
      (name) => isFields(request[name]) || (name !== "prompt" && request[name] != null),
    )
  );
}

/** A tool without a type is Anthropic's way of saying `custom`. */
function isOwnTool({ type }: Request): boolean {
  return type == null || (typeof type === "string" && ownTools.has(type));
}

/** Whether an upstream sums up the conversation on its way, in an answer beside the one that was asked for. */
export function isCompacted({ context_management }: Request): boolean {
  const { edits } = fieldsOf(context_management);
  return listOf(edits).some((edit) => String(fieldsOf(edit)["type"]).startsWith("compact"));
}

function carriesMore(message: unknown, depth = 0): boolean {
  if (depth > maxDepth) return true;
  const { type, content, output } = fieldsOf(message);
  return (
    (typeof type === "string" && !textual.has(type)) ||
    listOf(content).some((part) => carriesMore(part, depth + 1)) ||
    listOf(output).some((part) => carriesMore(part, depth + 1))
  );
}
