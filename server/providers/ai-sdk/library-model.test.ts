import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { expect, test } from "vitest";
import { answerOf, ask, limits, readAll, streamed } from "./fixtures/reading.ts";
import { libraryModel } from "./library-model.ts";
import { asProvider } from "./provider.ts";

/** A provider as somebody else's package makes it: an instance of a class, with one model. */
class SomeProvider {
  readonly #model: object;

  constructor(model: object) {
    this.#model = model;
  }

  languageModel() {
    return this.#model;
  }
}

function open(model: object) {
  return libraryModel(asProvider(new SomeProvider(model), "some-provider"), "model");
}

const base = {
  specificationVersion: "v3",
  provider: "some",
  modelId: "model",
  supportedUrls: Promise.resolve({ "*": [/.*/] }),
  doGenerate: () => Promise.reject(new Error("not asked for")),
};

test.each(["v2", "v4", undefined])(
  "models of version %s of the contract are refused",
  async (version) => {
    const model = { ...base, specificationVersion: version, doStream: () => undefined };
    await expect(open(model)).rejects.toThrow(
      'Cannot use "some-provider": its models follow version ' + JSON.stringify(version),
    );
  },
);

test("what is no provider is refused", () => {
  expect(() => asProvider({}, "some-package")).toThrow("it is no provider of the AI SDK");
});

test("a package that does not heed its signal is left behind, and its stream is cancelled", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<LanguageModelV3StreamPart>({
    start: (controller) => controller.enqueue({ type: "text-delta", id: "0", delta: "Hi" }),
    pull: () => new Promise(() => undefined),
    cancel: () => {
      isCancelled = true;
    },
  });
  const model = await open({ ...base, doStream: () => Promise.resolve({ stream }) });
  const { answer } = answerOf(await model.prepareChat(ask(), streamed)(limits()));
  const reading = readAll(answer);
  await new Promise((resolve) => setTimeout(resolve, 10));
  answer.abort();
  expect(await reading).toEqual({
    events: [{ type: "text-delta", text: "Hi" }],
    failure: { kind: "aborted", reason: "client gone" },
  });
  expect(isCancelled).toBe(true);
});

test("a package that never answers is a timeout", async () => {
  const model = await open({ ...base, doStream: () => new Promise(() => undefined) });
  const outcome = await model.prepareChat(ask(), streamed)(limits({ timeoutMs: 20 }));
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "timeout" } });
});

test.each([
  [
    "throws",
    () => {
      throw new TypeError("x is undefined");
    },
  ],
  ["answers with no stream", () => Promise.resolve({})],
  [
    "streams nothing",
    () =>
      Promise.resolve({
        stream: new ReadableStream({ start: (controller) => controller.close() }),
      }),
  ],
])("a package that %s is broken", async (_what, doStream) => {
  const model = await open({ ...base, doStream });
  expect(await model.prepareChat(ask(), streamed)(limits())).toMatchObject({
    kind: "failed",
    failure: { kind: "broken" },
  });
});

test("parts that make no sense break the answer, and nothing else", async () => {
  const parts = [
    { type: "text-delta", id: "0", delta: "Hi" },
    { type: "from-the-future" },
    { type: "finish" },
  ];
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
    },
  });
  const model = await open({ ...base, doStream: () => Promise.resolve({ stream }) });
  const { answer } = answerOf(await model.prepareChat(ask(), streamed)(limits()));
  expect(await readAll(answer)).toMatchObject({
    events: [{ type: "text-delta", text: "Hi" }],
    failure: { kind: "broken" },
  });
});

test("the length of vectors is refused where the package has no word for it", async () => {
  const embedder = {
    specificationVersion: "v3",
    provider: "some",
    modelId: "model",
    maxEmbeddingsPerCall: undefined,
    supportsParallelCalls: false,
    doEmbed: ({ values }: { values: string[] }) =>
      Promise.resolve({ embeddings: values.map(() => [1]), warnings: [] }),
  };
  const provider = {
    languageModel: () => ({ ...base, doStream: () => undefined }),
    embeddingModel: () => embedder,
  };
  const model = await libraryModel(asProvider(provider, "some-provider"), "model");
  const request = { model: "group", input: ["a", "b"], dimensions: 8 };
  expect(() => model.prepareEmbedding?.(request, streamed)).toThrow(
    expect.objectContaining({ details: { param: "dimensions" } }),
  );
  const target = { ...streamed, dropsParameters: true };
  expect(await model.prepareEmbedding?.(request, target)(limits())).toEqual({
    kind: "answer",
    answer: { vectors: [[1], [1]], usage: undefined },
    dropped: ["dimensions"],
  });
});

test.each([
  ["no result", undefined],
  ["a result without vectors", { warnings: [] }],
  ["warnings that are none", { embeddings: [[1]], warnings: [null] }],
])("a package that embeds with %s is broken", async (_what, result) => {
  const embedder = {
    specificationVersion: "v3",
    provider: "some",
    modelId: "model",
    maxEmbeddingsPerCall: 1,
    supportsParallelCalls: true,
    doEmbed: () => Promise.resolve(result),
  };
  const provider = {
    languageModel: () => ({ ...base, doStream: () => undefined }),
    embeddingModel: () => embedder,
  };
  const model = await libraryModel(asProvider(provider, "some-provider"), "model");
  const send = model.prepareEmbedding?.({ model: "group", input: "a" }, streamed);
  expect(await send?.(limits())).toMatchObject({ kind: "failed", failure: { kind: "broken" } });
});
