import type { ChildProcess } from "node:child_process";
import { type Contender, hasNginx, startBareProxy, startNginx } from "./contenders.ts";
import type { Databases } from "./database.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { compare, type Round, warmUp } from "./measure.ts";
import type { Processes } from "./processes.ts";
import { checkSpend } from "./spend.ts";
import type { Scenario } from "./wire.ts";

export interface Field {
  processes: Processes;
  load: ChildProcess;
  upstreamPort: number;
  /** Absent: the gateway does not take part. */
  databases: Databases | undefined;
}

/** What one contender did in all rounds of all laps. */
export interface Series {
  name: string;
  rounds: Round[];
}

/**
 * Compares all who take part, the bare proxy first, in laps with processes of their own: two of the same program differ by a tenth
 * for as long as they live, by what the compiler made of their first calls. Each is warmed up as soon as it has started, since one
 * that idled before its first calls stays dearer than one that did not (`server/heap.ts` says why).
 *
 * @returns a series each, and what was found of the gateways' accounts
 */
export async function runLaps(
  field: Field,
  scenario: Scenario,
  length: { laps: number; rounds: number; seconds: number },
): Promise<{ series: Series[]; accounts: string[] }> {
  const series = new Map<string, Series>();
  const accounts: string[] = [];
  for (let lap = 0; lap < length.laps; lap += 1) {
    const { contenders, gateways } = await startAll(field, scenario, length);
    const results = await compare(field.load, contenders, scenario, length);
    for (const [index, { name }] of contenders.entries()) {
      const known = series.get(name) ?? { name, rounds: [] };
      known.rounds.push(...(results[index] ?? []));
      series.set(name, known);
    }
    for (const gateway of gateways) accounts.push(await checkSpend(gateway, scenario));
    for (const contender of contenders) await contender.stop();
  }
  return { series: [...series.values()], accounts };
}

async function startAll(
  { processes, load, upstreamPort, databases }: Field,
  scenario: Scenario,
  length: { seconds: number },
) {
  const contenders: Contender[] = [];
  const enter = async (contender: Contender) => {
    await warmUp(load, contender, scenario, length);
    contenders.push(contender);
  };
  await enter(await startBareProxy(processes, upstreamPort));
  if (hasNginx())
    await enter(await startNginx(processes, upstreamPort, { buffering: !scenario.stream }));
  const gateways: Gateway[] = [];
  if (databases) {
    const { plain, limited } = await startGateway(processes, upstreamPort, await databases.next());
    gateways.push(plain, limited);
  }
  for (const gateway of gateways) await enter(gateway);
  return { contenders, gateways };
}
