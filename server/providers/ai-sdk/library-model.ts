import type { EmbeddingModelV3 } from "@ai-sdk/provider";
import type { LibraryModel } from "../library.ts";
import { callOptionsOf } from "./call-options.ts";
import { generateChat, streamChat } from "./chat-call.ts";
import { prepareEmbedding } from "./embed.ts";
import { outcomeOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import { takesUrl } from "./media.ts";
import type { SdkProvider } from "./provider.ts";
import { vendorOf } from "./vendors.ts";

/** What a client may name by its address. */
const addressedTypes = ["image/*", "application/pdf"];

/** One of a provider's models, as the gateway calls it. */
export async function libraryModel(provider: SdkProvider, name: string): Promise<LibraryModel> {
  const model = provider.languageModel(name);
  const vendor = vendorOf(model.provider);
  const supportedUrls = await model.supportedUrls;
  const { embeddingModel } = provider;
  return {
    prepareChat(chat, target) {
      const call = callOptionsOf(chat, target, { vendor, model: name, supportedUrls });
      const ask = target.isStream ? streamChat : generateChat;
      return async (limits) => {
        const interruption = new Interruption(limits);
        try {
          return await ask(model, call, interruption);
        } catch (thrown) {
          interruption.end();
          const { failure } = interruption;
          return failure ? { kind: "failed", failure } : outcomeOf(thrown, "messages");
        }
      };
    },
    ...(embeddingModel && {
      prepareEmbedding: (request, target) =>
        prepareEmbedding(embedderOf(embeddingModel, name), request, target),
    }),
    inlinesMedia: {
      keeps: (url) => addressedTypes.some((type) => takesUrl(supportedUrls, type, url)),
    },
  };
}

/** @throws GatewayError `invalid_request` where the provider embeds nothing by that name */
function embedderOf(make: (model: string) => EmbeddingModelV3, name: string): EmbeddingModelV3 {
  try {
    return make(name);
  } catch (thrown) {
    const outcome = outcomeOf(thrown, "input");
    throw outcome.kind === "inexpressible" ? outcome.error : thrown;
  }
}
