import type { LibraryModel } from "../library.ts";
import { callOptionsOf } from "./call-options.ts";
import { generateChat, streamChat } from "./chat-call.ts";
import { embedWith } from "./embed.ts";
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
    async chat(chat, target, limits) {
      const call = callOptionsOf(chat, target, { vendor, model: name, supportedUrls });
      const interruption = new Interruption(limits);
      try {
        const ask = target.isStream ? streamChat : generateChat;
        return await ask(model, call, interruption);
      } catch (thrown) {
        interruption.end();
        const { failure } = interruption;
        return failure ? { kind: "failed", failure } : outcomeOf(thrown, "messages");
      }
    },
    ...(embeddingModel && {
      embed: (request, target, limits) =>
        embedWith(embeddingModel(name), request, { target, limits }),
    }),
    inlinesMedia: {
      keeps: (url) => addressedTypes.some((type) => takesUrl(supportedUrls, type, url)),
    },
  };
}
