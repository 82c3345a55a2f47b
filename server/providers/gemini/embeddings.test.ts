import { expect, test } from "vitest";
import { embeddingRequest } from "../../../shared/openai/requests.ts";
import type { EmbeddingAdapter } from "../adapter.ts";
import { geminiEmbeddings } from "./embeddings.ts";
import { vertexEmbeddings } from "./vertex-embeddings.ts";

function encode(
  adapter: EmbeddingAdapter,
  model: string,
  fields: Readonly<Record<string, unknown>>,
) {
  const target = { model, isStream: false, maxOutputTokens: undefined, dropsParameters: false };
  return adapter.encode(embeddingRequest.parse({ model: "embed", ...fields }), target);
}

const usage = {
  input: 12,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

test("Gemini is given a batch, so that each text has a vector of its own", () => {
  const fields = {
    input: ["a", "b"],
    dimensions: 768,
    task_type: "RETRIEVAL_QUERY",
    encoding_format: "base64",
    user: "ada",
  };
  const settings = { outputDimensionality: 768, taskType: "RETRIEVAL_QUERY" };

  expect(encode(geminiEmbeddings, "gemini-embedding-2", fields)).toEqual({
    route: "models/gemini-embedding-2:batchEmbedContents",
    body: {
      requests: ["a", "b"].map((text) => ({
        model: "models/gemini-embedding-2",
        content: { parts: [{ text }] },
        ...settings,
      })),
    },
    dropped: ["user"],
  });
});

test("one text is a batch of one", () => {
  expect(encode(geminiEmbeddings, "gemini-embedding-001", { input: "a" }).body).toEqual({
    requests: [{ model: "models/gemini-embedding-001", content: { parts: [{ text: "a" }] } }],
  });
});

test("Vertex predicts with text-embedding models and the first of Gemini's", () => {
  const fields = { input: ["a", "b"], dimensions: 256, task_type: "CLUSTERING" };

  expect(encode(vertexEmbeddings, "text-embedding-005", fields)).toEqual({
    route: "models/text-embedding-005:predict",
    body: {
      instances: [
        { content: "a", task_type: "CLUSTERING" },
        { content: "b", task_type: "CLUSTERING" },
      ],
      parameters: { outputDimensionality: 256 },
    },
    dropped: [],
  });
  expect(encode(vertexEmbeddings, "gemini-embedding-001", { input: "a" })).toMatchObject({
    route: "models/gemini-embedding-001:predict",
    body: { instances: [{ content: "a" }] },
  });
});

test("Vertex embeds with the later ones, one text at a time", () => {
  expect(encode(vertexEmbeddings, "gemini-embedding-2", { input: "a", dimensions: 256 })).toEqual({
    route: "models/gemini-embedding-2:embedContent",
    body: {
      content: { parts: [{ text: "a" }] },
      embedContentConfig: { outputDimensionality: 256 },
    },
    dropped: [],
  });
  expect(() => encode(vertexEmbeddings, "gemini-embedding-2", { input: ["a", "b"] })).toThrow(
    "Cannot embed 2 texts in one call: this model of Vertex AI takes one",
  );
});

test.each([[[1, 2]], [[[1, 2], [3]]]])("token ids %j are refused", (input) => {
  for (const adapter of [geminiEmbeddings, vertexEmbeddings])
    expect(() => encode(adapter, "gemini-embedding-001", { input })).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { param: "input" } }),
    );
});

test("vectors come in their order, with the usage where it is told", () => {
  const embeddings = [{ values: [0.5, 0.8] }, { values: [-0.5, -0.8] }];
  const vectors = [
    [0.5, 0.8],
    [-0.5, -0.8],
  ];

  expect(geminiEmbeddings.decode({ embeddings, usageMetadata: { promptTokenCount: 12 } })).toEqual({
    vectors,
    usage,
  });
  expect(geminiEmbeddings.decode({ embeddings })).toEqual({ vectors, usage: undefined });
});

test("Vertex's answers are read in both of its shapes", () => {
  const predictions = [5, 7].map((token_count) => ({
    embeddings: { values: [0.1], statistics: { truncated: false, token_count } },
  }));

  expect(vertexEmbeddings.decode({ predictions })).toEqual({ vectors: [[0.1], [0.1]], usage });
  expect(
    vertexEmbeddings.decode({
      embedding: { values: [0.1] },
      usageMetadata: { promptTokenCount: 12, totalTokenCount: 12 },
      truncated: false,
    }),
  ).toEqual({ vectors: [[0.1]], usage });
});

test.each([
  [null],
  ["<html>"],
  [{}],
  [{ embeddings: [] }],
  [{ embeddings: [{ values: [] }] }],
  [{ embeddings: [{ values: ["a"] }] }],
  [{ predictions: [{ embeddings: null }] }],
  [{ predictions: "none" }],
])("%j is no answer", (body) => {
  expect(geminiEmbeddings.decode(body)).toBeUndefined();
  expect(vertexEmbeddings.decode(body)).toBeUndefined();
});
