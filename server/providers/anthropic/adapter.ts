import type { Adapter } from "../adapter.ts";
import { decodeReply } from "./decode-reply.ts";
import { createDecoder } from "./decode-stream.ts";
import { encodeRequest } from "./encode-request.ts";
import { readError } from "./errors.ts";

/** Anthropic's Messages API. The deployment adds `x-api-key` and `anthropic-version`; its address ends in `/v1`. */
export const anthropic: Adapter = { encode: encodeRequest, createDecoder, decodeReply, readError };
