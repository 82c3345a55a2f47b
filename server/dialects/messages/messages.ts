import type { Dialect } from "../dialect.ts";
import { errorBody } from "./error-body.ts";
import { native } from "./native.ts";
import { encodeReply } from "./reply.ts";
import { MessageEncoder } from "./stream-encoder.ts";
import { toChat } from "./to-chat.ts";

/** Anthropic's Messages, as Claude Code and Anthropic's SDKs speak it. */
export const messages: Dialect = {
  toChat,
  createEncoder: (head) => new MessageEncoder(head),
  encodeReply,
  errorBody,
  native,
};
