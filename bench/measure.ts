import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender } from "./contenders.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import { cpuMicroseconds } from "./process-stat.ts";
import { nextMessage } from "./processes.ts";
import type { Scenario } from "./wire.ts";

/** What one contender did in one round. */
export interface Round {
  cpuMicros: number;
  callsPerSecond: number;
  p50Ms: number;
}

/** Has the load generator call one contender. Rejects when any call failed. */
export async function sendCalls(
  load: ChildProcess,
  contender: Contender,
  scenario: Scenario,
  until: LoadOrder["until"],
): Promise<LoadResult> {
  const { body, stream, connections } = scenario;
  const order: LoadOrder = {
    port: contender.port,
    key: contender.key,
    body,
    stream,
    connections,
    until,
  };
  const answer = nextMessage(load);
  load.send(order);
  // The load generator sends nothing else.
  const result = (await answer) as LoadResult;
  const { calls, failures, firstFailure } = result;
  if (failures > 0)
    throw new Error(
      `${failures} of ${calls + failures} calls to the ${contender.name} failed, the first with: ${firstFailure}`,
    );
  contender.answered += calls;
  return result;
}

/** Times the length of a round that counts. */
const warmUpLength = 5;

/** Connections, caches, and above all the compiler, which on a slow machine still optimises after tens of thousands of calls. */
export async function warmUp(
  load: ChildProcess,
  contender: Contender,
  scenario: Scenario,
  { seconds }: { seconds: number },
): Promise<void> {
  await measureRound(load, contender, scenario, seconds * warmUpLength);
}

/**
 * Rounds of every contender, in turn and the other way round every second time: the machine's speed
 * drifts over seconds, so only what was measured next to each other may be divided.
 */
export async function compare(
  load: ChildProcess,
  contenders: readonly Contender[],
  scenario: Scenario,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Round[][]> {
  const results: Round[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const inTurn = [...contenders.entries()];
    for (const [index, contender] of round % 2 === 0 ? inTurn : inTurn.toReversed())
      results[index]?.push(await measureRound(load, contender, scenario, seconds));
  }
  return results;
}

async function measureRound(
  load: ChildProcess,
  contender: Contender,
  scenario: Scenario,
  seconds: number,
): Promise<Round> {
  const cpuBefore = cpuMicroseconds(contender.pid);
  const result = await sendCalls(load, contender, scenario, { seconds });
  await sleep(contender.settleMs);
  const cpuMicros = (cpuMicroseconds(contender.pid) - cpuBefore) / result.calls;
  return { cpuMicros, callsPerSecond: result.calls / result.seconds, p50Ms: result.p50Ms };
}
