import type { Picodollars } from "../../shared/money.ts";
import type { AttemptStatus, RateCard, Usage } from "../../shared/spend.ts";

/** What is known of an attempt when it leaves for its upstream. */
export interface Opening {
  /** A UUIDv7. */
  readonly id: string;
  readonly requestId: string;
  readonly owner: Owner;
  readonly target: Target;
  /** The name that the client asked for. */
  readonly model: string;
  readonly streamed: boolean;
  readonly startedAtMs: number;
  /** The budget windows that admitted it. */
  readonly windows: readonly number[];
  /** What it is charged if nobody is left to say how it ended. */
  readonly estimate: Estimate;
}

export interface Owner {
  readonly id: string;
  readonly userId: string | null;
  readonly tags: readonly string[];
}

export interface Target {
  /** The model group. */
  readonly group: string;
  /** The deployment's. */
  readonly id: string;
  readonly upstreamModel: string;
  readonly rateCard: RateCard | null;
}

export interface Estimate {
  /** Undefined where no price is known. */
  readonly cost: Picodollars | undefined;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** How an attempt ended. */
export interface Settlement {
  readonly status: AttemptStatus;
  readonly errorCode: string | null;
  readonly usage: Usage | undefined;
  /** Undefined where it is not known. */
  readonly cost: Picodollars | undefined;
  /** The usage was counted or estimated here. */
  readonly estimated: boolean;
  readonly endedAtMs: number;
}

// What is null, false, zero or empty for most rows is left out of them: `insertSpend` knows what stands for it.

/** The columns that are the same for all calls of an owner. */
export function ownerColumns({ id, userId, tags }: Owner): string {
  const user = userId === null ? "" : `,"user_id":${JSON.stringify(userId)}`;
  return `"key_id":${JSON.stringify(id)}${user}${tags.length === 0 ? "" : `,"tags":${JSON.stringify(tags)}`}`;
}

/** The columns that are the same for all attempts at a target. */
export function targetColumns({ group, id, upstreamModel, rateCard }: Target): string {
  const card = rateCard ? `,"rate_card":${JSON.stringify(rateCard.id)}` : "";
  return `"model_group":${JSON.stringify(group)},"deployment":${JSON.stringify(id)},"upstream_model":${JSON.stringify(upstreamModel)}${card}`;
}

/** Bytes before an id in the text of an attempt, which is where readers look for it. */
const idStart = '{"id":"'.length;
const idLength = 36;

/** The id of an attempt, without parsing the rest of it. */
export function idOf(json: Buffer): string {
  return json.toString("latin1", idStart, idStart + idLength);
}

/** Columns of a spend row that are known at the beginning, as a JSON object that still wants its end. */
export function openColumns(opening: Opening, owner: string, target: string): string {
  const { id, requestId, model, streamed, startedAtMs, windows } = opening;
  const admitted = windows.length === 0 ? "" : `,"windows":[${listOf(windows)}]`;
  return `{"id":"${id}","request_id":${JSON.stringify(requestId)},${owner},${target},"model":${JSON.stringify(model)},"started_ms":${startedAtMs}${streamed ? ',"streamed":true' : ""}${admitted}`;
}

/** As `join` would write them, at a fraction of what it takes for so few. */
function listOf(numbers: readonly number[]): string {
  let text = "";
  for (const number of numbers) text += text === "" ? number : `,${number}`;
  return text;
}

/** The rest of the row of an attempt that is under way: what it is if nothing more is ever heard of it. */
export function interruptedColumns({ cost, inputTokens, outputTokens }: Estimate): string {
  return `,"cost":${amount(cost)},"input_tokens":${inputTokens},"output_tokens":${outputTokens},"status":"interrupted","error_code":"interrupted","estimated":true}`;
}

/** The rest of the row of an attempt that ended. */
export function settledColumns(settlement: Settlement): string {
  const { status, errorCode, usage, cost, estimated, endedAtMs } = settlement;
  const error = errorCode === null ? "" : `,"error_code":${JSON.stringify(errorCode)}`;
  return `,"cost":${amount(cost)}${usageColumns(usage)},"status":"${status}"${error}${estimated ? ',"estimated":true' : ""},"ended_ms":${endedAtMs}}`;
}

/** `other_tokens` is what those that are not named are, where the usage is known. */
function usageColumns(usage: Usage | undefined): string {
  if (!usage) return "";
  return (
    `,"input_tokens":${usage.input},"output_tokens":${usage.output},"other_tokens":0` +
    unlessZero("cache_read_tokens", usage.cache_read) +
    unlessZero("cache_write_tokens", usage.cache_write) +
    unlessZero("cache_write_1h_tokens", usage.cache_write_1h) +
    unlessZero("input_audio_tokens", usage.input_audio) +
    unlessZero("reasoning_tokens", usage.reasoning) +
    unlessZero("output_audio_tokens", usage.output_audio) +
    (usage.units === undefined ? "" : `,"units":${JSON.stringify(usage.units)}`)
  );
}

function unlessZero(column: string, tokens: number): string {
  return tokens === 0 ? "" : `,"${column}":${tokens}`;
}

/** Digits, in quotes: a JSON number that is read as a double would be rounded. */
function amount(cost: Picodollars | undefined): string {
  return cost === undefined ? "null" : `"${cost}"`;
}
