import type { EmbeddingRequest } from "../../../shared/openai/requests.ts";
import { untranslatable, type Translation } from "../translation.ts";
import { countOf, wordsOf } from "../json.ts";

/** `encoding_format` is the gateway's business. `task_type`: as Google names it, `RETRIEVAL_QUERY` and its like. */
const known: ReadonlySet<string> = new Set([
  "model",
  "input",
  "encoding_format",
  "dimensions",
  "task_type",
]);

export interface EmbeddingInput {
  readonly texts: readonly string[];
  readonly outputDimensionality?: number;
  readonly taskType?: string;
}

/** @throws GatewayError for token ids: they are those of another tokenizer */
export function readEmbeddingInput(
  request: EmbeddingRequest,
  translation: Translation,
): EmbeddingInput {
  const texts = typeof request.input === "string" ? [request.input] : request.input;
  if (!texts.every((text) => typeof text === "string"))
    throw untranslatable("input", "Cannot embed token ids: its provider takes texts only");
  translation.dropUnknown(request, known);
  const outputDimensionality = countOf(request["dimensions"]);
  const taskType = wordsOf(request["task_type"]);
  return {
    texts,
    ...(outputDimensionality && { outputDimensionality }),
    ...(taskType && { taskType }),
  };
}

/** Undefined where a value is no number. */
export function readVector(values: unknown): readonly number[] | undefined {
  return Array.isArray(values) &&
    values.length > 0 &&
    values.every((value) => typeof value === "number")
    ? values
    : undefined;
}
