import type { ChatMessage, ContentPart } from "../../../shared/openai/chat.ts";

type Encoded = Record<string, unknown>;
type ToolMessage = Extract<ChatMessage, { role: "tool" }>;

/**
 * The messages in OpenAI's words alone. What a tool shows in pictures goes into a user's message behind the results of the
 * turn: the results themselves take text only, and nothing may stand between them and their calls.
 */
export function encodeMessages(messages: readonly ChatMessage[]): Encoded[] {
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
    encoded.push(encodeMessage(message));
  }
  show();
  return encoded;
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

function encodeMessage(message: Exclude<ChatMessage, ToolMessage>): Encoded {
  const { cache_control: _cacheControl, content, ...rest } = message;
  const encoded: Encoded = {
    ...rest,
    ...(content != null && {
      content: typeof content === "string" ? content : content.map(encodePart),
    }),
  };
  if (message.role !== "assistant") return encoded;
  // Thoughts are their provider's: others refuse them, or take them for an answer.
  delete encoded["thinking_blocks"];
  delete encoded["reasoning_content"];
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
