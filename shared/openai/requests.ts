import { z } from "zod";
import { plainText } from "../text.ts";

/** Only what the gateway itself reads is checked. Every other field goes to the upstream as it came. */
const call = {
  model: plainText.min(1).max(255),
  user: z.string().nullish(),
};

const stream = {
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
};

const tokens = z.number().int().positive().nullish();

/** POST /v1/chat/completions. */
export const chatRequest = z.looseObject({
  ...call,
  ...stream,
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  max_tokens: tokens,
  max_completion_tokens: tokens,
  n: z.number().int().positive().nullish(),
});

/** POST /v1/completions. */
export const completionRequest = z.looseObject({
  ...call,
  ...stream,
  prompt: z
    .union([z.string(), z.array(z.string()), z.array(z.number()), z.array(z.array(z.number()))])
    .nullish(),
  max_tokens: tokens,
  n: z.number().int().positive().nullish(),
});

/** POST /v1/embeddings. */
export const embeddingRequest = z.looseObject({
  ...call,
  input: z.union([
    z.string(),
    z.array(z.string()),
    z.array(z.number()),
    z.array(z.array(z.number())),
  ]),
});

export type CallRequest =
  | z.infer<typeof chatRequest>
  | z.infer<typeof completionRequest>
  | z.infer<typeof embeddingRequest>;
