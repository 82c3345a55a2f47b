import type { ModelPrice, PriceCalculationResult, TieredPrices } from "@pydantic/genai-prices";

/**
 * What is published and the price library does not list, in USD for a million tokens, by the library's id of the model.
 *
 * Source: https://platform.openai.com/docs/pricing#audio-tokens
 */
const unlisted: Readonly<Record<string, ModelPrice>> = {
  "gpt-4o-audio-preview": { input_audio_mtok: 40, output_audio_mtok: 80 },
  "gpt-4o-mini-audio-preview": { input_audio_mtok: 10, output_audio_mtok: 20 },
};

/** What the library found, and beside its prices those that it leaves out. What it lists stays as it is. */
export function withGapsFilled(found: PriceCalculationResult): PriceCalculationResult {
  if (!found) return found;
  const { model, model_price: listed } = found;
  const isClaude = model.id.includes("claude") && listed["cache_write_mtok"] !== undefined;
  const hourly = isClaude && { cache_write_1h_mtok: twice(listed["input_mtok"]) };
  return { ...found, model_price: { ...unlisted[model.id], ...hourly, ...listed } };
}

/**
 * Of a Claude, what is written to a cache for an hour costs twice the input, wherever it runs; the library says so only of
 * Anthropic itself.
 *
 * Source: https://platform.claude.com/docs/en/about-claude/pricing#prompt-caching
 */
function twice(price: number | TieredPrices | undefined): number | TieredPrices | undefined {
  if (price === undefined) return undefined;
  if (typeof price === "number") return price * 2;
  const tiers = price.tiers.map(({ start, price: usd }) => ({ start, price: usd * 2 }));
  return { base: price.base * 2, tiers };
}
