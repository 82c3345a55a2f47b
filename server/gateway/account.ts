import type { Picodollars } from "../../shared/money.ts";
import type { AttemptStatus, Usage } from "../../shared/spend.ts";
import { price } from "../providers/prices.ts";
import { countCompletionTokens, countPromptTokens } from "../providers/tokens.ts";
import type { SpendRow } from "../store/spend.ts";
import type { Attempt, Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";

/** How an attempt ended, as far as money is concerned. */
export interface AttemptEnd {
  readonly status: AttemptStatus;
  readonly errorCode?: string;
  /** What the upstream reported. */
  readonly usage?: Usage | undefined;
  /** What that costs, where it has been worked out already. */
  readonly cost?: Picodollars | undefined;
  /**
   * What is charged where nothing was reported: nothing, because the upstream never answered; what it is known to have
   * generated; or, where a whole reply was cut off, what such a call usually generates.
   */
  readonly otherwise:
    | { readonly kind: "nothing" }
    | { readonly kind: "generated"; readonly text: string }
    | { readonly kind: "estimate" };
}

/** Writes an attempt to the ledger, exactly once: whoever finished it calls this, and nobody else. */
export function account(gateway: Gateway, call: Call, attempt: Attempt, end: AttemptEnd): void {
  const endedAt = new Date();
  if (end.usage || end.otherwise.kind === "nothing") {
    if (end.usage) gateway.recentOutputs.record(call.group.name, end.usage);
    settle(gateway, toRow(call, attempt, { end, usage: end.usage, endedAt, isEstimated: false }));
    return;
  }
  gateway.background.run(
    countUsage(gateway, call, end.otherwise).then((usage) =>
      settle(gateway, toRow(call, attempt, { end, usage, endedAt, isEstimated: true })),
    ),
  );
}

function settle({ ledger, logger }: Gateway, row: SpendRow): void {
  ledger.record(row);
  if (!logger.isLevelEnabled("debug")) return;
  const { request_id, key_id, model, deployment, status, cost } = row;
  logger.debug({ request_id, key_id, model, deployment, status, cost }, "attempt");
}

/** What a successful reply costs, in picodollars; undefined when that is not known. */
export function costOf({ deployment }: Attempt, usage: Usage | undefined): Picodollars | undefined {
  return usage && deployment.rates && price(deployment.rates, usage);
}

type Uncounted = Exclude<AttemptEnd["otherwise"], { kind: "nothing" }>;

async function countUsage(
  { recentOutputs }: Gateway,
  call: Call,
  uncounted: Uncounted,
): Promise<Usage> {
  const { group, request } = call;
  const isReasoning = recentOutputs.reasons(group.name) || request["reasoning_effort"] != null;
  const text = uncounted.kind === "generated" ? uncounted.text : "";
  const counted = await orBySize(countCompletionTokens(text), Buffer.byteLength(text));
  const isHidden = uncounted.kind === "estimate" || (isReasoning && call.isStream);
  const output = isHidden
    ? Math.max(counted, recentOutputs.estimate(group.name, request))
    : counted;
  return {
    input: await orBySize(countPromptTokens(request), call.bodyBytes),
    cache_read: 0,
    cache_write: 0,
    input_audio: 0,
    output: call.endpoint.name === "embeddings" ? 0 : output,
    reasoning: 0,
    output_audio: 0,
  };
}

/** Counting walks what the client sent. Where that defeats it, as a nesting deeper than the stack does, the size has to do. */
async function orBySize(counting: Promise<number>, bytes: number): Promise<number> {
  try {
    return await counting;
  } catch {
    return Math.ceil(bytes / bytesPerToken);
  }
}

const bytesPerToken = 4;

interface Settlement {
  readonly end: AttemptEnd;
  readonly usage: Usage | undefined;
  readonly endedAt: Date;
  readonly isEstimated: boolean;
}

function toRow(
  call: Call,
  attempt: Attempt,
  { end, usage, endedAt, isEstimated }: Settlement,
): SpendRow {
  const { deployment } = attempt;
  const isFree = !usage && end.otherwise.kind === "nothing";
  return {
    id: attempt.id,
    request_id: call.requestId,
    key_id: call.caller.id,
    user_id: call.caller.userId,
    tags: call.caller.tags,
    model: call.asked,
    model_group: call.group.name,
    deployment: deployment.id,
    upstream_model: deployment.upstreamModel,
    cost: isFree ? "0" : ((end.cost ?? costOf(attempt, usage))?.toString() ?? null),
    rate_card: deployment.rateCard,
    input_tokens: usage?.input ?? null,
    cache_read_tokens: usage?.cache_read ?? null,
    cache_write_tokens: usage?.cache_write ?? null,
    input_audio_tokens: usage?.input_audio ?? null,
    output_tokens: usage?.output ?? null,
    reasoning_tokens: usage?.reasoning ?? null,
    output_audio_tokens: usage?.output_audio ?? null,
    status: end.status,
    error_code: end.errorCode ?? null,
    estimated: isEstimated,
    streamed: call.isStream,
    started_at: attempt.startedAt,
    ended_at: endedAt,
  };
}
