export const efforts = ["low", "medium", "high", "xhigh", "max"] as const;

/** How much a Claude is to think, as Anthropic grades it. */
export type Effort = (typeof efforts)[number];

/** In tokens, for models that think within a budget. */
const budgets: Readonly<Record<Effort, number>> = {
  low: 1_024,
  medium: 4_096,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};

/** Anthropic takes no smaller budget. */
const minBudget = 1_024;

/** What is left for the answer itself. */
const minAnswer = 1_024;

/**
 * What an effort is worth in tokens for thinking. Undefined where the answer may not be long enough for any.
 *
 * @param maxTokens the longest answer, thoughts included
 */
export function budgetOf(effort: Effort, maxTokens: number): number | undefined {
  const budget = Math.min(budgets[effort], maxTokens - minAnswer);
  return budget < minBudget ? undefined : budget;
}
