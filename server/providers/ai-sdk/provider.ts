import type { EmbeddingModelV3, LanguageModelV3 } from "@ai-sdk/provider";
import { fieldsOf } from "../json.ts";

type MakeModel = (model: string) => unknown;

/** A provider as a package makes it, as far as it is used. */
export interface SdkProvider {
  /** @throws Error where what the package makes is no model that the gateway can call */
  languageModel(model: string): LanguageModelV3;
  /** Undefined where it embeds nothing. */
  readonly embeddingModel: ((model: string) => EmbeddingModelV3) | undefined;
}

/** @throws Error where it is no provider of the AI SDK */
export function asProvider(made: unknown, packageName: string): SdkProvider {
  const makeModel = methodOf(made, "languageModel") ?? (isMaker(made) ? made : undefined);
  if (!makeModel)
    throw new Error(`Cannot use ${JSON.stringify(packageName)}: it is no provider of the AI SDK`);
  const makeEmbedder = methodOf(made, "embeddingModel") ?? methodOf(made, "textEmbeddingModel");
  return {
    languageModel: (model) => {
      const language = makeModel(model);
      if (isLanguageModel(language)) return language;
      throw unfit(packageName, language);
    },
    embeddingModel:
      makeEmbedder &&
      ((model) => {
        const embedder = makeEmbedder(model);
        if (isEmbeddingModel(embedder)) return embedder;
        throw unfit(packageName, embedder);
      }),
  };
}

function unfit(packageName: string, model: unknown): Error {
  const version = JSON.stringify(membersOf(model)["specificationVersion"]);
  return new Error(
    `Cannot use ${JSON.stringify(packageName)}: its models follow version ${version} of the AI SDK's contract, not "v3"; install the version for AI SDK 6`,
  );
}

function methodOf(provider: unknown, name: string): MakeModel | undefined {
  const method = membersOf(provider)[name];
  // Some providers are instances of classes.
  return isMaker(method) ? (model) => method.call(provider, model) : undefined;
}

function isMaker(value: unknown): value is MakeModel {
  return typeof value === "function";
}

function isLanguageModel(model: unknown): model is LanguageModelV3 {
  return isOfVersion3(model, "doStream") && isOfVersion3(model, "doGenerate");
}

function isEmbeddingModel(model: unknown): model is EmbeddingModelV3 {
  return isOfVersion3(model, "doEmbed");
}

function isOfVersion3(model: unknown, method: string): boolean {
  const members = membersOf(model);
  return members["specificationVersion"] === "v3" && typeof members[method] === "function";
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  // A provider is a function with members.
  return typeof value === "function"
    ? (value as unknown as Readonly<Record<string, unknown>>)
    : fieldsOf(value);
}
