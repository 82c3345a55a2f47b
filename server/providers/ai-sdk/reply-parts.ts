import type {
  LanguageModelV3Content,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
} from "@ai-sdk/provider";

/** A whole answer as the parts that it would have been streamed in, so that there is one reading of both. */
export function partsOf(reply: LanguageModelV3GenerateResult): LanguageModelV3StreamPart[] {
  return [
    {
      type: "response-metadata",
      ...(reply.response?.id !== undefined && { id: reply.response.id }),
    },
    ...reply.content.map(partOf),
    {
      type: "finish",
      finishReason: reply.finishReason,
      usage: reply.usage,
      ...(reply.providerMetadata && { providerMetadata: reply.providerMetadata }),
    },
  ];
}

function partOf(content: LanguageModelV3Content, index: number): LanguageModelV3StreamPart {
  if (content.type !== "text" && content.type !== "reasoning") return content;
  return {
    type: `${content.type}-delta`,
    id: String(index),
    delta: content.text,
    ...(content.providerMetadata && { providerMetadata: content.providerMetadata }),
  };
}
