import { randomBytes } from "node:crypto";
import { holdsToolResult, playing } from "../server/testing/scripted-model.ts";
import { scriptedTokens } from "../server/testing/scripted-replies.ts";
import type { Agent } from "./agent.ts";
import { type Attempt, type ModelName, prices, type RunningGateway } from "./gateway.ts";
import type { Outside } from "./outside.ts";
import { runAgent } from "./run-agent.ts";
import { type Ended, lastLine } from "./run-program.ts";

/** Where it all happens: a gateway, no way to the world, and somebody to tell. */
export interface Bench {
  readonly gateway: RunningGateway;
  readonly outside: Outside;
  /** For files of the runs. */
  readonly directory: string;
  readonly check: (what: string, holds: boolean, seen?: string) => void;
}

const answer = "The file has been read to its end.";
const answerUsd =
  scriptedTokens.input * prices.input_cost_per_token +
  scriptedTokens.output * prices.output_cost_per_token;

/** A turn with a tool: the agent asks, runs the tool, brings its result along and shows the answer. */
export async function takeTurn(
  bench: Bench,
  agent: Agent,
  program: string,
  model: ModelName,
): Promise<void> {
  const { gateway, check } = bench;
  const { calls } = gateway.upstream;
  const file = "word.txt";
  const word = randomBytes(8).toString("hex");
  const key = await gateway.generateKey();
  const choose = (offered: readonly string[]) => agent.reading(file, offered);
  gateway.upstream.answer(playing({ preamble: "I read the file.", choose, answer }));
  calls.splice(0);

  const ended = await runAgent(bench, agent, { program, model, key, files: { [file]: word } });

  const about = (what: string) => `${agent.name} with ${model}: ${what}`;
  const isBack = calls.some((call) => holdsToolResult(call) && call.text.includes(word));
  check(about("the turn ends with the answer"), hasEnded(ended, 0, answer), tell(ended));
  check(about("the tool was run, and its result came upstream"), isBack);
  // Counts of tokens are asked of the upstream, and charged to nobody.
  const asked = calls.filter(({ path }) => !path.includes("/count_tokens")).length;
  await gateway.settle();
  const spentUsd = await gateway.spendOf(key);
  const rows = await gateway.attemptsOf(key);
  check(
    about("every attempt is a row, and the rows add up"),
    rows.length === asked && rows.every(isPaid) && isSame(spentUsd, asked * answerUsd),
    `${asked} attempts, ${rows.length} rows, ${spentUsd} USD`,
  );
  checkOutside(bench, agent, about);
}

export interface Refusal {
  /** As in `with a spent budget`. */
  readonly what: string;
  /** Of the key. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly code: string;
  /** Shown to whoever sits before the agent. */
  readonly words: RegExp;
}

/** A key that may not call: the agent says why, and stops. */
export async function beRefused(
  bench: Bench,
  agent: Agent,
  program: string,
  { what, fields, code, words }: Refusal,
): Promise<void> {
  const { gateway, check } = bench;
  const [model] = agent.models;
  const key = await gateway.generateKey(fields);
  const before = await gateway.refusals(code);
  gateway.upstream.calls.splice(0);

  const ended = await runAgent(bench, agent, { program, model, key, files: {} });

  const about = (then: string) => `${agent.name} with ${what}: ${then}`;
  const requests = (await gateway.refusals(code)) - before;
  const why = ended.said.split("\n").find((line) => words.test(line));
  check(
    about("it stops and says why"),
    ended.code !== undefined && ended.code !== 0 && why !== undefined,
    `requests: ${requests}, ${tell(ended, why)}`,
  );
  check(about("nothing came upstream"), gateway.upstream.calls.length === 0);
  checkOutside(bench, agent, about);
}

function checkOutside(
  { outside, check }: Bench,
  { asksForOthers = false }: Agent,
  about: (what: string) => string,
): void {
  const hosts = outside.asked();
  check(about("nobody else was asked"), asksForOthers || hosts.length === 0, hosts.join(", "));
}

function hasEnded({ code, said }: Ended, expected: number, words: string): boolean {
  return code === expected && said.includes(words);
}

function isPaid({ status, estimated, spend }: Attempt): boolean {
  return status === "success" && !estimated && spend === answerUsd;
}

/** Sums of floats differ in what is less than a picodollar. */
function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-12;
}

function tell({ code, afterMs, said }: Ended, line = lastLine(said)): string {
  const seconds = `${(afterMs / 1_000).toFixed(1)} s`;
  if (code === 0) return seconds;
  return `${code === undefined ? "still running after " : ""}${seconds}: ${line.slice(0, 200)}`;
}
