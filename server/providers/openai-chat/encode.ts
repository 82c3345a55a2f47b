import type { Chat } from "../../../shared/openai/chat.ts";
import type { Encoded, Target } from "../adapter.ts";
import type { Provider } from "../registry.ts";
import { encodeMessages } from "./encode-messages.ts";

/** What other formats say beyond OpenAI's, which upstreams that do not know it refuse. */
const foreign = ["thinking", "top_k"] as const;

/** The chat with the upstream's model, without what it has no word for, and with the cap on its answer under the name that it goes by. */
export function encode(provider: Provider, chat: Chat, target: Target): Encoded {
  const { messages, tools, max_tokens, max_completion_tokens, stream: _stream, ...rest } = chat;
  const body: Record<string, unknown> = withoutNull({
    ...rest,
    model: target.model,
    messages: encodeMessages(messages),
    tools: tools?.map(withoutCacheControl),
    [provider.outputLimit ?? "max_tokens"]: max_completion_tokens ?? max_tokens,
  });
  const dropped = [...foreign, ...(target.dropsParameters ? provider.unsupported : [])].filter(
    (name) => Object.hasOwn(body, name),
  );
  for (const name of dropped) delete body[name];
  if (target.isStream) addStream(provider, body);
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
