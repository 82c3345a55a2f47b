import type {
  EmbeddingModelV3,
  EmbeddingModelV3CallOptions,
  EmbeddingModelV3Result,
} from "@ai-sdk/provider";
import type { LibraryLimits, LibraryOutcome } from "../library.ts";
import { outcomeOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";

/** Calls at once for one request, where a model takes fewer texts than there are. */
const maxParallelCalls = 8;

export type BatchOutcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  | Exclude<LibraryOutcome<never>, { kind: "answer" }>;

interface BatchCall {
  readonly options: Pick<EmbeddingModelV3CallOptions, "providerOptions"> | undefined;
  readonly limits: LibraryLimits;
}

/**
 * Embeds texts in as many calls as the model needs for them. The first call that fails is the outcome of all of them, and
 * ends the others.
 */
export async function embedBatches(
  model: EmbeddingModelV3,
  texts: readonly string[],
  { options, limits }: BatchCall,
): Promise<BatchOutcome<EmbeddingModelV3Result[]>> {
  const batches = batchesOf(texts, (await model.maxEmbeddingsPerCall) ?? texts.length);
  const width = (await model.supportsParallelCalls) ? maxParallelCalls : 1;
  const stop = new AbortController();
  const call = {
    options,
    limits: { ...limits, signal: AbortSignal.any([limits.signal, stop.signal]) },
  };
  const results: EmbeddingModelV3Result[] = [];
  const waiting = batches.entries();
  let failed: Exclude<BatchOutcome<never>, { kind: "answer" }> | undefined;
  const work = async () => {
    for (const [index, batch] of waiting) {
      const outcome = await embedBatch(model, batch, call);
      if (outcome.kind === "answer") results[index] = outcome.answer;
      else failed ??= outcome;
      if (failed) return stop.abort();
    }
  };
  try {
    await Promise.all(Array.from({ length: width }, work));
    return failed ?? { kind: "answer", answer: results };
  } finally {
    stop.abort();
  }
}

async function embedBatch(
  model: EmbeddingModelV3,
  values: string[],
  { options, limits }: BatchCall,
): Promise<BatchOutcome<EmbeddingModelV3Result>> {
  const interruption = new Interruption(limits);
  try {
    const request = { values, ...options, abortSignal: interruption.signal };
    return { kind: "answer", answer: await interruption.within(model.doEmbed(request)) };
  } catch (thrown) {
    const { failure } = interruption;
    return failure ? { kind: "failed", failure } : outcomeOf(thrown, "input");
  } finally {
    interruption.end();
  }
}

function batchesOf(texts: readonly string[], size: number): string[][] {
  const step = Math.max(1, Math.min(size, texts.length));
  return Array.from({ length: Math.ceil(texts.length / step) }, (_, index) =>
    texts.slice(index * step, (index + 1) * step),
  );
}
