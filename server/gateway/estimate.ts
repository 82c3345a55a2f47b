import type { Picodollars } from "../../shared/money.ts";
import type { Usage } from "../../shared/spend.ts";
import type { Deployment } from "../providers/deployment.ts";
import { priceOf } from "../providers/charge.ts";

/** Near enough for an estimate; counting would cost more than the rest of a call. */
export const bytesPerToken = 4;

/** What a call of so many bytes that generates so much is expected to consume. */
export function estimatedUsage(bodyBytes: number, output: number): Usage {
  return {
    input: Math.ceil(bodyBytes / bytesPerToken),
    cache_read: 0,
    cache_write: 0,
    cache_write_1h: 0,
    input_audio: 0,
    output,
    reasoning: 0,
    output_audio: 0,
  };
}

/** The tokens that a call is let in with, as far as limits count them. */
export function estimatedTokens(usage: Usage): number {
  return usage.input + usage.input_audio + usage.output + usage.output_audio;
}

/** Undefined where no price is known. */
export function estimatedCost({ rates }: Deployment, usage: Usage): Picodollars | undefined {
  return rates && priceOf(rates, usage);
}

/** What is held of a budget: the estimate at the dearest of the deployments that may answer. */
export function dearest(deployments: readonly Deployment[], usage: Usage): Picodollars {
  let most = 0n;
  for (const deployment of deployments) {
    const cost = estimatedCost(deployment, usage) ?? 0n;
    if (cost > most) most = cost;
  }
  return most;
}
