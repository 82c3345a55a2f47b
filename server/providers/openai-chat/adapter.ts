import type { Adapter } from "../adapter.ts";
import type { Provider } from "../registry.ts";
import { createDecoder } from "./decode-stream.ts";
import { decodeReply } from "./decode-reply.ts";
import { encode } from "./encode.ts";

/**
 * OpenAI's own chat format as one among others: how a request that came in another format reaches an upstream that is shaped
 * like OpenAI. A chat that came in this format does not pass through here: its bytes go on as they are.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat
 */
export function openAiChat(provider: Provider): Adapter {
  return {
    encode: (chat, target) => encode(provider, chat, target),
    createDecoder,
    decodeReply,
  };
}
