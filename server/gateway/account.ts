import { performance } from "node:perf_hooks";
import type { Picodollars } from "../../shared/money.ts";
import type { CallRequest } from "../../shared/openai/requests.ts";
import type { AttemptStatus, Usage } from "../../shared/spend.ts";
import { chat } from "../dialects/chat/dialect.ts";
import { priceOf } from "../providers/charge.ts";
import { fieldsOf, isFields } from "../providers/json.ts";
import { countCompletionTokens, countPromptTokens } from "../providers/tokens.ts";
import type { Attempt, Call } from "./call.ts";
import { bytesPerToken, estimatedUsage } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { expectedUsage } from "./metering.ts";

/** How an attempt ended, as far as money is concerned. */
export interface AttemptEnd {
  readonly status: AttemptStatus;
  readonly errorCode?: string;
  /** Why it failed, for the operator's log. */
  readonly reason?: string;
  /** When the first of a stream came, on the monotonic clock; of a whole reply its head stands for that. */
  readonly firstByteAtMs?: number | undefined;
  /** What the upstream reported. */
  readonly usage?: Usage | undefined;
  /** What was reported before a reply broke off: of what it read all, of what it wrote perhaps only the beginning. */
  readonly usageSoFar?: Usage | undefined;
  /** What `usage` costs, where it has been worked out already. */
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

/**
 * Ends an attempt, exactly once: whoever finished it calls this, and nobody else. Resolves when the journal has it, or
 * will never have it (to false); only then is a client told that its reply is complete.
 */
export function account(
  gateway: Gateway,
  call: Call,
  attempt: Attempt,
  end: AttemptEnd,
): Promise<boolean> {
  if (!end.usage)
    return usageUnreported(gateway, call, attempt, end).then((usage) =>
      settle(gateway, call, attempt, { end, usage }),
    );
  call.history.record(end.usage);
  return settle(gateway, call, attempt, { end, usage: end.usage });
}

function settle(
  gateway: Gateway,
  call: Call,
  attempt: Attempt,
  { end, usage }: { readonly end: AttemptEnd; readonly usage: Usage | undefined },
): Promise<boolean> {
  const cost = usage ? (end.cost ?? costOf(attempt, usage)) : 0n;
  const tokens = usage ? totalOf(usage) : 0;
  attempt.slot?.settle(tokens);
  if (usage) call.permit.settle(cost ?? 0n, tokens);
  const endedAtMs = Date.now();
  note(gateway, call, attempt, { end, usage, cost });
  return gateway.ledger.settle(attempt.entry, {
    status: end.status,
    errorCode: end.errorCode ?? null,
    usage,
    cost,
    estimated: usage !== end.usage,
    endedAtMs,
  });
}

/** What a successful reply costs, in picodollars; undefined when that is not known. */
export function costOf({ deployment }: Attempt, usage: Usage | undefined): Picodollars | undefined {
  return usage && deployment.rates && priceOf(deployment.rates, usage);
}

interface Ended {
  readonly end: AttemptEnd;
  readonly usage: Usage | undefined;
  readonly cost: Picodollars | undefined;
}

function note({ metrics, logger }: Gateway, call: Call, attempt: Attempt, ended: Ended): void {
  const { deployment, sentAtMs, headAtMs } = attempt;
  const { end, usage, cost } = ended;
  const firstByteAtMs =
    attempt.firstByteAtMs ?? end.firstByteAtMs ?? (call.isStream ? undefined : headAtMs);
  metrics.attempt({
    modelGroup: call.group.name,
    deployment: deployment.id,
    provider: deployment.provider,
    status: end.status,
    errorCode: end.errorCode ?? null,
    isStream: call.isStream,
    durationMs: performance.now() - sentAtMs,
    firstByteMs: firstByteAtMs === undefined ? undefined : firstByteAtMs - sentAtMs,
    usage,
    cost,
  });
  const { requestId, asked, caller } = call;
  const { reason } = end;
  if (reason !== undefined)
    logger.warn(
      { requestId, deployment: deployment.id, model: asked, reason },
      "upstream attempt failed",
    );
  if (!logger.isLevelEnabled("debug")) return;
  const fields = { requestId, key_id: caller.id, model: asked, deployment: deployment.id };
  logger.debug({ ...fields, status: end.status, cost: cost?.toString() }, "attempt");
}

/** What a reply that broke off, or says nothing of its usage, is charged for. */
async function usageUnreported(
  gateway: Gateway,
  call: Call,
  attempt: Attempt,
  { usageSoFar, otherwise }: AttemptEnd,
): Promise<Usage | undefined> {
  const { meter } = call.endpoint;
  if (meter && otherwise.kind !== "nothing")
    return expectedUsage(call.sent, meter, attempt.deployment.rates);
  const counted = await countedUsage(gateway, call, otherwise);
  if (!usageSoFar) return counted;
  return { ...usageSoFar, output: Math.max(usageSoFar.output, counted?.output ?? 0) };
}

/** In the words of any of the formats. Anthropic's switch goes before an effort, as the translation has it. */
function asksToThink({ reasoning_effort, reasoning, thinking, output_config }: CallRequest) {
  if (isFields(thinking)) return thinking["type"] !== "disabled";
  const asked = fieldsOf(reasoning);
  const effort = reasoning_effort ?? asked["effort"] ?? fieldsOf(output_config)["effort"];
  if (effort === "none" || asked["enabled"] === false) return false;
  return effort != null || isFields(reasoning);
}

/** In strict enforcement a client that hangs up pays at least what the call was estimated at. */
async function countedUsage(
  { treasury }: Gateway,
  call: Call,
  uncounted: AttemptEnd["otherwise"],
): Promise<Usage | undefined> {
  if (uncounted.kind === "nothing") return undefined;
  const { history, sent } = call;
  const isReasoning = history.reasons || asksToThink(sent.request);
  const text = uncounted.kind === "generated" ? uncounted.text : "";
  const counted = await orBySize(countCompletionTokens(text), Buffer.byteLength(text));
  const isHidden =
    uncounted.kind === "estimate" || ((isReasoning || treasury.isStrict) && call.isStream);
  const { outputCap = Infinity } = call.permit;
  const expected = Math.min(history.estimate(call.askedCap), outputCap);
  const output = isHidden ? Math.max(counted, expected) : counted;
  return {
    ...estimatedUsage(0, call.endpoint.generates ? output : 0),
    input: await orBySize(countPrompt(call), call.sent.bodyBytes),
  };
}

/** What came in a format of its own is counted as the chat that it stands for. */
async function countPrompt({ endpoint: { dialect }, sent: { request } }: Call): Promise<number> {
  const isForeign = dialect !== undefined && dialect !== chat;
  return countPromptTokens(isForeign ? dialect.toChat(request).chat : request);
}

/** Counting walks what the client sent. Where that defeats it, as a nesting deeper than the stack does, the size has to do. */
async function orBySize(counting: Promise<number>, bytes: number): Promise<number> {
  try {
    return await counting;
  } catch {
    return Math.ceil(bytes / bytesPerToken);
  }
}

function totalOf(usage: Usage): number {
  return (
    usage.input +
    usage.cache_read +
    usage.cache_write +
    usage.cache_write_1h +
    usage.input_audio +
    usage.output +
    usage.output_audio
  );
}
