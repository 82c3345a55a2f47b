import type { ChatMessage, ContentPart } from "../../../shared/openai/chat.ts";
import type { Provider } from "../registry.ts";

type Encoded = Record<string, unknown>;
type ToolMessage = Extract<ChatMessage, { role: "tool" }>;

/**
 * The messages in OpenAI's words alone. What a tool shows in pictures goes into a user's message behind the results of the
 * turn: the results themselves take text only, and nothing may stand between them and their calls.
 */
export function encodeMessages(messages: readonly ChatMessage[], provider: Provider): Encoded[] {
  const encoded: Encoded[] = [];
  let shown: ContentPart[] = [];
  const show = () => {
    if (shown.length > 0) encoded.push({ role: "user", content: shown.map(encodePart) });
    shown = [];
  };
  for (const message of messages) {
    if (message.role === "tool") {
      encoded.push(encodeResult(message));
      shown.push(...partsOf(message).filter(({ type }) => type !== "text"));
      continue;
    }
    show();
    encoded.push(encodeMessage(message, provider));
  }
  show();
  return encoded;
}

/**
 * What the messages say that the upstream is not told. Marks for caches are not named, nor are the seals of thoughts, which
 * mean something to their own provider alone: no answer is another one without them.
 */
export function droppedOfMessages(
  messages: readonly ChatMessage[],
  { thoughtsField }: Provider,
): string[] {
  const dropped: string[] = [];
  if (!thoughtsField && messages.some(isThoughtful)) dropped.push("reasoning_content");
  if (messages.some((message) => message.role === "tool" && message["is_error"] === true))
    dropped.push("is_error");
  return dropped;
}

function isThoughtful(message: ChatMessage): boolean {
  if (message.role !== "assistant") return false;
  const { reasoning_content: thoughts, thinking_blocks: blocks } = message;
  return Boolean(thoughts) || Boolean(blocks?.length);
}

function partsOf({ content }: ToolMessage): readonly ContentPart[] {
  return typeof content === "string" ? [] : content;
}

function encodeResult(message: ToolMessage): Encoded {
  const { role, tool_call_id, content } = message;
  if (typeof content === "string") return { role, tool_call_id, content };
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return { role, tool_call_id, content: texts.join("\n") };
}

function encodeMessage(
  message: Exclude<ChatMessage, ToolMessage>,
  { thoughtsField, requiresThoughts }: Provider,
): Encoded {
  const { cache_control: _cacheControl, content, ...rest } = message;
  const encoded: Encoded = {
    ...rest,
    ...(content != null && {
      content: typeof content === "string" ? content : content.map(encodePart),
    }),
  };
  // OpenAI's own word, which the others refuse; `system` means the same to all.
  if (message.role === "developer") encoded["role"] = "system";
  if (message.role !== "assistant") return encoded;
  // Not to those that name no field for them: they refuse thoughts, or take them for an answer.
  delete encoded["thinking_blocks"];
  delete encoded["reasoning_content"];
  const thoughts = message.reasoning_content ?? "";
  if (thoughtsField && (thoughts || requiresThoughts)) encoded[thoughtsField] = thoughts;
  if (message.tool_calls) encoded["tool_calls"] = message.tool_calls.map(encodeCall);
  return encoded;
}

function encodeCall({
  id,
  type,
  function: called,
}: {
  id: string;
  type: string;
  function: Encoded;
}) {
  return { id, type, function: { name: called["name"], arguments: called["arguments"] } };
}

function encodePart(part: ContentPart): Encoded {
  const { cache_control: _cacheControl, ...kept } = part as ContentPart & {
    cache_control?: unknown;
  };
  return kept;
}
