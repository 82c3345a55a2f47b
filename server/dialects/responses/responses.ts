import type { Dialect } from "../dialect.ts";
import { encodeReply, ResponsesEncoder } from "./reply/encoder.ts";
import { errorBody } from "./errors.ts";
import { native } from "./native/native-format.ts";
import { toChat } from "./request/to-chat.ts";

/**
 * OpenAI's Responses format, as Codex, OpenAI's own libraries and the AI SDK speak it. No state is kept: every request brings
 * its whole conversation, and every reply says that it is not stored.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses
 */
export const responses: Dialect = {
  toChat,
  createEncoder: (head) => new ResponsesEncoder(head),
  encodeReply,
  errorBody,
  native,
};
