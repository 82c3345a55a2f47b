import type { Chat } from "../../../shared/openai/chat.ts";
import type { Encoded, Target } from "../adapter.ts";
import type { Provider } from "../registry.ts";
import { droppedOfMessages, encodeMessages } from "./encode-messages.ts";
import { encodeThinking } from "./encode-thinking.ts";

/** The chat with the upstream's model, without what it has no word for, and with the cap on its answer under the name that it goes by. */
export function encode(provider: Provider, chat: Chat, target: Target): Encoded {
  const { messages, tools, max_tokens, max_completion_tokens, stream: _stream, ...rest } = chat;
  const thinking = encodeThinking(provider, chat);
  const body: Record<string, unknown> = withoutNull({
    ...rest,
    ...thinking.fields,
    model: target.model,
    messages: encodeMessages(messages, provider),
    tools: tools?.map(withoutCacheControl),
    [provider.outputLimit ?? "max_tokens"]: max_completion_tokens ?? max_tokens,
  });
  const unknown = ["top_k", ...(target.dropsParameters ? provider.unsupported : [])].filter(
    (name) => Object.hasOwn(body, name),
  );
  for (const name of unknown) delete body[name];
  if (target.isStream) addStream(provider, body);
  const dropped = [...thinking.dropped, ...unknown, ...droppedOfMessages(messages, provider)];
  return { route: "chat/completions", body, dropped };
}

function addStream({ usageUnasked }: Provider, body: Record<string, unknown>): void {
  body["stream"] = true;
  if (usageUnasked !== true) body["stream_options"] = { include_usage: true };
}

function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

function withoutCacheControl(tool: Record<string, unknown>): Record<string, unknown> {
  const { cache_control: _cacheControl, ...kept } = tool;
  return kept;
}
