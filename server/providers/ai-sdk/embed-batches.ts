import type {
  EmbeddingModelV3,
  EmbeddingModelV3CallOptions,
  EmbeddingModelV3Result,
} from "@ai-sdk/provider";
import type { LibraryFailure, LibraryLimits } from "../library.ts";
import { outcomeOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";

/** Calls at once for one request, where a model takes fewer texts than there are. */
const maxParallelCalls = 8;

export interface Batches {
  /** Of the calls that were answered, in the order of their texts. */
  readonly results: readonly EmbeddingModelV3Result[];
  /** Why there are not more of them. */
  readonly failure: LibraryFailure | undefined;
}

interface BatchCall {
  readonly options: Pick<EmbeddingModelV3CallOptions, "providerOptions"> | undefined;
  readonly limits: LibraryLimits;
}

/**
 * Embeds texts in as many calls as the model needs for them. After the first that fails no more are begun; those under way are
 * waited for, because the provider charges them all the same.
 */
export async function embedBatches(
  model: EmbeddingModelV3,
  texts: readonly string[],
  call: BatchCall,
): Promise<Batches> {
  const size = (await model.maxEmbeddingsPerCall) ?? texts.length;
  const width = (await model.supportsParallelCalls) ? maxParallelCalls : 1;
  const waiting = batchesOf(texts, size).entries();
  const answered: { index: number; result: EmbeddingModelV3Result }[] = [];
  let failure: LibraryFailure | undefined;
  const work = async () => {
    for (const [index, batch] of waiting) {
      const outcome = await embedBatch(model, batch, call);
      if (outcome.kind === "answer") answered.push({ index, result: outcome.result });
      else failure ??= outcome;
      if (failure) return;
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  const ordered = answered.toSorted((left, right) => left.index - right.index);
  return { results: ordered.map(({ result }) => result), failure };
}

async function embedBatch(
  model: EmbeddingModelV3,
  values: string[],
  { options, limits }: BatchCall,
): Promise<{ kind: "answer"; result: EmbeddingModelV3Result } | LibraryFailure> {
  const interruption = new Interruption(limits);
  try {
    const request = { values, ...options, abortSignal: interruption.signal };
    return { kind: "answer", result: await interruption.within(model.doEmbed(request)) };
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
