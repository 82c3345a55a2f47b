import { z } from "zod";
import { plainText } from "../text.ts";
import { count, stream } from "./requests.ts";

/** Only what the gateway itself reads is checked. Every other field goes to the upstream as it came. */
const model = plainText.min(1).max(255);

const textOrObject = z.union([z.string(), z.looseObject({})]);

/** POST /v1/images/generations. */
export const imageRequest = z.looseObject({ model, ...stream, prompt: z.string(), n: count });

/** POST /v1/moderations. */
export const moderationRequest = z.looseObject({
  model,
  input: z.union([z.string(), z.array(textOrObject).min(1)]),
});

/** POST /v1/rerank, as Cohere, Jina and vLLM have it. */
export const rerankRequest = z.looseObject({
  model,
  query: textOrObject,
  documents: z.array(textOrObject).min(1),
});

/** POST /v1/audio/speech. */
export const speechRequest = z.looseObject({ model, input: z.string() });

/** The fields of POST /v1/audio/transcriptions and /v1/audio/translations, but for files. */
export const transcriptionRequest = z.looseObject({
  model,
  stream: z.boolean(),
  response_format: z.string().optional(),
});
