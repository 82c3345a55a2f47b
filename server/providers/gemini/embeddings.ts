import type { EmbeddingAdapter, Embeddings } from "../adapter.ts";
import { Translation } from "../translation.ts";
import { readEmbeddingInput, readVector } from "./embedding-input.ts";
import { fieldsOf, listOf } from "../json.ts";
import { bareName, modelRoute } from "./model.ts";
import { readUsage } from "./usage.ts";

/**
 * Embeddings of the Gemini API. Always as a batch: a content of several parts is one vector to the newer models, and each
 * text is to have its own.
 *
 * Source: https://ai.google.dev/api/embeddings#method:-models.batchembedcontents
 */
export const geminiEmbeddings: EmbeddingAdapter = {
  encode(request, target) {
    const translation = new Translation(target);
    const { texts, ...settings } = readEmbeddingInput(request, translation);
    const requests = texts.map((text) => ({
      model: `models/${bareName(target.model)}`,
      content: { parts: [{ text }] },
      ...settings,
    }));
    return {
      route: modelRoute(target.model, "batchEmbedContents"),
      body: { requests },
      dropped: translation.dropped,
    };
  },

  decode(body): Embeddings | undefined {
    const { embeddings, usageMetadata } = fieldsOf(body);
    const vectors = listOf(embeddings).map((embedding) =>
      readVector(fieldsOf(embedding)["values"]),
    );
    if (vectors.length === 0 || !vectors.every((vector) => vector !== undefined)) return undefined;
    return { vectors, usage: readUsage(usageMetadata) };
  },
};
