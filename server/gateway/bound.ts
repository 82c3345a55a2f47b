import type { Picodollars } from "../../shared/money.ts";
import { GatewayError } from "../errors.ts";
import type { Deployment } from "../providers/deployment.ts";
import { countOf, fieldsOf, listOf, textOf } from "../providers/json.ts";
import type { Rates } from "../providers/prices.ts";
import type { TokenRates } from "../providers/token-rates.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Asked } from "./meters/meter.ts";
import { heededCap } from "./output-limit.ts";
import { isCompacted, messagesOf, readsMore } from "./prompt-reading.ts";

/** A cap on tokens below this is of use to nobody: the call is refused instead. */
const leastOutput = 16;

/** What a call may generate that names no cap, where the config does not say what the model's own is. */
const outputWithoutCap = 16_384;

/** Tokens that the roles and delimiters of a message may take beyond its bytes. */
const tokensPerMessage = 16;

export interface BoundedCall {
  readonly asked: string;
  readonly sent: Asked;
  readonly endpoint: Endpoint;
}

/** What a call cannot cost more than, and how that follows from what it may generate. */
export interface Bound {
  /** With as many tokens as it asks for. */
  readonly need: Picodollars;
  /** With as few as are of any use. */
  readonly least: Picodollars;
  /** The tokens for each answer that an amount between the two pays for; undefined where the route generates none. */
  outputCapFor(amount: Picodollars): number | undefined;
}

/**
 * The bound of a call over every deployment that may answer it: each byte of the body a token, at the highest rate that any
 * bucket has.
 *
 * @throws GatewayError `model_not_priced`: nobody can say what it may cost
 */
export function boundOf(deployments: readonly Deployment[], call: BoundedCall): Bound {
  const bounds = deployments.map((deployment) => boundAt(deployment, call));
  const fixed = largest(bounds.map((bound) => bound.fixed));
  const perToken = largest(bounds.map((bound) => bound.perToken));
  const output = call.endpoint.generates ? Math.min(...bounds.map((bound) => bound.output)) : 0;
  const costOf = (tokens: number) => fixed + BigInt(tokens) * perToken;
  return {
    need: costOf(output),
    least: costOf(Math.min(output, leastOutput)),
    outputCapFor(amount) {
      if (!call.endpoint.generates) return undefined;
      const affordable = perToken === 0n ? output : Number((amount - fixed) / perToken);
      return Math.min(output, affordable);
    },
  };
}

interface DeploymentBound {
  /** For the prompt and the call itself. */
  readonly fixed: Picodollars;
  /** For a token of every answer that is asked for. */
  readonly perToken: Picodollars;
  readonly output: number;
}

function boundAt(deployment: Deployment, call: BoundedCall): DeploymentBound {
  if (isCompacted(call.sent.request))
    throw notPriced(call, "its upstream would sum up the conversation, however long that gets");
  const { rates } = deployment;
  if (!rates || rates.isTokenless) throw notPriced(call, "its price is not known");
  const input = BigInt(promptBound(deployment, call)) * highest(rates, inputBuckets);
  return {
    fixed: rates.perCall + input + searchesBound(rates, call),
    perToken: BigInt(answersOf(call.sent.request)) * dearestOutput(rates),
    output:
      heededCap(deployment, call.endpoint, call.sent.request) ??
      deployment.maxOutputTokens ??
      outputWithoutCap,
  };
}

/** Some models answer with images, whose tokens cost more than those of text. */
function dearestOutput(rates: Rates): Picodollars {
  return largest([highest(rates, outputBuckets), rates.units?.perOutputImageToken ?? 0n]);
}

/** Of Anthropic's `web_search_20250305` and its like. */
function searchesBound({ units }: Rates, call: BoundedCall): Picodollars {
  const { perWebSearch = 0n } = units ?? {};
  let fees = 0n;
  for (const tool of listOf(call.sent.request["tools"]).map(fieldsOf)) {
    if (!textOf(tool["type"]).startsWith("web_search")) continue;
    const uses = countOf(tool["max_uses"]);
    if (uses === undefined && perWebSearch > 0n)
      throw notPriced(call, "its tool for searching the web has no max_uses");
    fees += perWebSearch * BigInt(uses ?? 0);
  }
  return fees;
}

export const inputBuckets = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "inputAudio",
] as const;
export const outputBuckets = ["output", "reasoning", "outputAudio"] as const;

export function highest(rates: Rates, buckets: readonly (keyof TokenRates)[]): Picodollars {
  const tiers: readonly TokenRates[] = [rates, ...rates.tiers];
  return largest(tiers.flatMap((tier) => buckets.map((bucket) => tier[bucket])));
}

/** A token is a byte at least, as long as it is text that is sent, and all of it is sent. */
function promptBound({ maxInputTokens }: Deployment, call: BoundedCall): number {
  const { request, bodyBytes } = call.sent;
  if (!readsMore(request)) return bodyBytes + tokensPerMessage * messagesOf(request).length;
  if (maxInputTokens === undefined)
    throw notPriced(
      call,
      "it makes the model read more than the text that it sends, and its max_input_tokens is not configured",
    );
  return maxInputTokens;
}

function answersOf({ n, best_of }: Readonly<Record<string, unknown>>): number {
  return Math.max(1, ...[n, best_of].filter((count) => typeof count === "number"));
}

export function largest(amounts: readonly Picodollars[]): Picodollars {
  return amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);
}

export function notPriced({ asked }: Pick<BoundedCall, "asked">, why: string): GatewayError {
  return new GatewayError(
    "model_not_priced",
    `Cannot call model ${JSON.stringify(asked)} on a budget that is enforced strictly: ${why}`,
    { param: "model" },
  );
}
