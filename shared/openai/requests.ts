import { z } from "zod";
import { plainText } from "../text.ts";

/**
 * Only what the gateway itself reads is checked. Every other field goes to the upstream as it came, and schemas that say so
 * by being plain objects do not even walk over it: their answer lacks it, so what is used is the request itself.
 */
const call = {
  model: plainText.min(1).max(255),
  user: z.string().nullish(),
};

export const stream = {
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
};

/** What bounds the cost of a call, whichever of them its route heeds. */
export const count = z.number().int().positive().max(1e9).nullish();
const bounds = { max_tokens: count, max_completion_tokens: count, n: count, best_of: count };

/** POST /v1/chat/completions. */
export const chatRequest = z.object({
  ...call,
  ...stream,
  messages: z.array(z.object({ role: z.string() })).min(1),
  ...bounds,
});

/** POST /v1/completions. */
export const completionRequest = z.object({
  ...call,
  ...stream,
  prompt: z
    .union([z.string(), z.array(z.string()), z.array(z.number()), z.array(z.array(z.number()))])
    .nullish(),
  ...bounds,
});

/** POST /v1/embeddings. */
export const embeddingRequest = z.looseObject({
  ...call,
  ...bounds,
  input: z.union([
    z.string(),
    z.array(z.string()),
    z.array(z.number()),
    z.array(z.array(z.number())),
  ]),
});

export type EmbeddingRequest = z.infer<typeof embeddingRequest>;

/** What all of them have. */
export interface CallRequest {
  readonly model: string;
  readonly [field: string]: unknown;
}
