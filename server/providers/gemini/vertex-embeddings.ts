import type { Usage } from "../../../shared/spend.ts";
import type { EmbeddingAdapter, Embeddings } from "../adapter.ts";
import { Translation, untranslatable } from "../translation.ts";
import { readEmbeddingInput, readVector, type EmbeddingInput } from "./embedding-input.ts";
import { countOf, fieldsOf, listOf, type Fields } from "../json.ts";
import { bareName, modelRoute } from "./model.ts";
import { readUsage } from "./usage.ts";

/**
 * Embeddings of Vertex AI, which has two methods for them: `predict` for text-embedding models and the first of Gemini's,
 * `embedContent` for the later ones.
 *
 * Source: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api,
 * https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models/embedContent
 */
export const vertexEmbeddings: EmbeddingAdapter = {
  encode(request, target) {
    const translation = new Translation(target);
    const input = readEmbeddingInput(request, translation);
    const isPredicted = !/^gemini-embedding-(?!001)/.test(bareName(target.model));
    return {
      route: modelRoute(target.model, isPredicted ? "predict" : "embedContent"),
      body: isPredicted ? prediction(input) : content(input),
      dropped: translation.dropped,
    };
  },

  decode(body): Embeddings | undefined {
    const answer = fieldsOf(body);
    return "predictions" in answer ? readPredictions(answer) : readContent(answer);
  },
};

function prediction({ texts, outputDimensionality, taskType }: EmbeddingInput): Fields {
  return {
    instances: texts.map((text) => ({ content: text, ...(taskType && { task_type: taskType }) })),
    ...(outputDimensionality && { parameters: { outputDimensionality } }),
  };
}

function content({ texts, ...settings }: EmbeddingInput): Fields {
  const [text] = texts;
  if (text === undefined || texts.length > 1)
    throw untranslatable(
      "input",
      `Cannot embed ${texts.length} texts in one call: this model of Vertex AI takes one`,
    );
  return {
    content: { parts: [{ text }] },
    ...(Object.keys(settings).length > 0 && { embedContentConfig: settings }),
  };
}

function readPredictions({ predictions }: Fields): Embeddings | undefined {
  const answers = listOf(predictions).map((one) => fieldsOf(fieldsOf(one)["embeddings"]));
  const vectors = answers.map(({ values }) => readVector(values));
  if (vectors.length === 0 || !vectors.every((vector) => vector !== undefined)) return undefined;
  const counts = answers.map(({ statistics }) => countOf(fieldsOf(statistics)["token_count"]));
  return { vectors, usage: sum(counts) };
}

function readContent({ embedding, usageMetadata }: Fields): Embeddings | undefined {
  const vector = readVector(fieldsOf(embedding)["values"]);
  return vector && { vectors: [vector], usage: readUsage(usageMetadata) };
}

/** Undefined unless every text was counted. */
function sum(counts: readonly (number | undefined)[]): Usage | undefined {
  let promptTokenCount = 0;
  for (const count of counts) {
    if (count === undefined) return undefined;
    promptTokenCount += count;
  }
  return readUsage({ promptTokenCount });
}
