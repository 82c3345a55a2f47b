import type { EmbeddingModelV3, EmbeddingModelV3Result } from "@ai-sdk/provider";
import type { EmbeddingRequest } from "../../../shared/openai/requests.ts";
import type { Usage } from "../../../shared/spend.ts";
import type { Embeddings, Target } from "../adapter.ts";
import type { LibraryOutcome, LibrarySend } from "../library.ts";
import { Translation, untranslatable } from "../translation.ts";
import { type Batches, embedBatches } from "./embed-batches.ts";
import { outcomeOf } from "./failure.ts";
import { embeddingUsage } from "./read-usage.ts";
import { vendorOf } from "./vendors.ts";
import { droppedWith } from "./warnings.ts";

/** `encoding_format` is how the client is told, whatever the package asks for. */
const common = ["model", "input", "encoding_format"];

/** @throws GatewayError `invalid_request` for token ids, and for what the package has no words for */
export function prepareEmbedding(
  model: EmbeddingModelV3,
  request: EmbeddingRequest,
  target: Target,
): LibrarySend<Embeddings> {
  const vendor = vendorOf(model.provider);
  const texts = textsOf(request);
  const translation = new Translation(target);
  if (request["dimensions"] && !vendor.embeddingTakes?.includes("dimensions"))
    translation.refuse(
      "dimensions",
      "its provider's package has no word for the length of a vector",
    );
  translation.dropUnknown(request, new Set([...common, ...(vendor.embeddingTakes ?? [])]));
  const providerOptions = vendor.expressEmbedding?.(request, model.modelId);
  const options = providerOptions && { providerOptions };
  return async (limits) => {
    try {
      const batches = await embedBatches(model, texts, { options, limits });
      return answerOf(batches, texts.length, translation.dropped);
    } catch (thrown) {
      return outcomeOf(thrown, "input");
    }
  };
}

function textsOf({ input }: EmbeddingRequest): string[] {
  const texts = typeof input === "string" ? [input] : input;
  if (texts.every((text) => typeof text === "string")) return texts;
  throw untranslatable("input", "Cannot embed token ids: its provider takes text only");
}

function answerOf(
  { results, failure }: Batches,
  count: number,
  dropped: readonly string[],
): LibraryOutcome<Embeddings> {
  if (failure) return { ...failure, usage: sumOf(results.filter(({ usage }) => usage)) };
  const usage = sumOf(results);
  // Spread, so that a package that gives none fails here: undefined is flattened to one.
  const vectors = results.flatMap(({ embeddings }) => [...embeddings]);
  if (vectors.length !== count)
    return {
      kind: "failed",
      failure: { kind: "broken", reason: `${vectors.length} vectors for ${count} texts` },
      usage,
    };
  const warnings = results.flatMap((result) => result.warnings);
  return { kind: "answer", answer: { vectors, usage }, dropped: droppedWith(dropped, warnings) };
}

/** Undefined where there are none, and where one of them does not tell: part of a sum is none. */
function sumOf(results: readonly EmbeddingModelV3Result[]): Usage | undefined {
  if (results.length === 0) return undefined;
  return embeddingUsage(results.reduce((sum, { usage }) => sum + (usage?.tokens ?? NaN), 0));
}
