import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { errorBodyOf, invalidRequest } from "../../errors.ts";
import { readUsage } from "../../providers/usage.ts";
import type { Dialect, NativeFormat } from "../dialect.ts";
import { createEncoder } from "./encode-stream.ts";
import { encodeReply } from "./encode-reply.ts";
import { generatedText } from "./generated-text.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { isOpening } from "./is-opening.ts";

/** OpenAI's streams of chats and completions, and the bodies of its routes. */
export const openAiFormat: NativeFormat = {
  createReader() {
    const reader = new ChunkReader();
    return (bytes, event, text) => reader.read(bytes, event, text);
  },
  readUsage,
  generatedText,
  isOpening,
  repliesTellErrors: false,
  // Some upstreams that are shaped like OpenAI end a stream without it.
  missingEnd: "data: [DONE]\n\n",
  errorEvent: (error) => `data: ${JSON.stringify(errorBodyOf(error))}\n\n`,
};

/** OpenAI's chat completions. */
export const chat: Dialect = {
  toChat(request) {
    const checked = chatSchema.safeParse(request);
    if (!checked.success) throw invalidRequest(checked.error);
    return { chat: checked.data, dropped: [] };
  },
  createEncoder,
  encodeReply,
  errorBody: errorBodyOf,
  native: openAiFormat,
};
