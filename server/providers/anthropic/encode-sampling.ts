import type { Chat } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import type { ModelTraits } from "./model-traits.ts";

type Sampling = Partial<Record<"temperature" | "top_p" | "top_k", number>>;

/**
 * `temperature`, `top_p` and `top_k`, as far as the model takes them. With thinking on, it takes a temperature of 1 and a `top_p`
 * from 0.95 on. The temperature of OpenAI's scale, up to 2, is cut to 1. Whatever is not taken as it came, the client is told of.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility
 */
export function encodeSampling(
  chat: Chat,
  { sampling, isThinking }: { sampling: ModelTraits["sampling"]; isThinking: boolean },
  translation: Translation,
): Sampling {
  const { temperature, top_p: topP, top_k: topK } = chat;
  const taken: Sampling = {};
  const takesTemperature = sampling !== "none" && (!isThinking || temperature === 1);
  if (isNumber(temperature) && takesTemperature) taken.temperature = Math.min(1, temperature);
  const takesTopP =
    (sampling === "all" || (sampling === "one" && taken.temperature === undefined)) &&
    (!isThinking || (isNumber(topP) && topP >= 0.95));
  if (isNumber(topP) && takesTopP) taken.top_p = topP;
  if (isNumber(topK) && sampling !== "none" && !isThinking) taken.top_k = topK;
  for (const name of ["temperature", "top_p", "top_k"] as const)
    if (isNumber(chat[name]) && taken[name] !== chat[name]) translation.drop(name);
  return taken;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}
