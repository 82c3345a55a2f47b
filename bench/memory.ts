import type { ChildProcess } from "node:child_process";
import type { Contender } from "./contenders.ts";
import { sendCalls } from "./measure.ts";
import { residentMegabytes } from "./process-stat.ts";
import type { Scenario } from "./wire.ts";

const totalCalls = 100_000;
const callsPerSample = 5_000;
const targetMegabytes = 150;
/** Over the last half of the calls, by least squares: at this pace ten million calls would take a gigabyte more. */
const targetGrowthMegabytes = 5;

/** Makes 100,000 calls and tells how much memory the contender held, and whether it still grew at the end. */
export async function describeMemory(
  load: ChildProcess,
  contender: Contender,
  scenario: Scenario,
): Promise<string> {
  const samples: number[] = [];
  while (samples.length < totalCalls / callsPerSample) {
    await sendCalls(load, contender, scenario, { calls: callsPerSample });
    samples.push(residentMegabytes(contender.pid).now);
  }
  const { peak } = residentMegabytes(contender.pid);
  return [
    `memory: RSS over ${totalCalls} calls, every ${callsPerSample}, MB`,
    `  ${samples.map((megabytes) => megabytes.toFixed(0)).join(" ")}`,
    ...memoryVerdicts(samples, peak),
  ].join("\n");
}

/** Whether the targets are met, given megabytes after every 5,000 calls; the highest between them is told beside. */
export function memoryVerdicts(samples: number[], peak: number): string[] {
  const last = samples.at(-1) ?? peak;
  const lastHalf = samples.slice(Math.floor(samples.length / 2));
  const growth = slope(lastHalf) * lastHalf.length;
  return [
    `  target: below ${targetMegabytes} MB after them: ${last.toFixed(1)}, ${judgement(last < targetMegabytes)}; at most ${peak.toFixed(1)} on the way`,
    `  target: growth at most ${targetGrowthMegabytes} MB over the last ${lastHalf.length * callsPerSample} calls: ${growth.toFixed(1)}, ${judgement(growth <= targetGrowthMegabytes)}`,
  ];
}

function judgement(isMet: boolean): string {
  return isMet ? "met" : "missed";
}

/** Least squares: how much a value grows from one sample to the next. */
function slope(values: number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const covariance = values.reduce(
    (sum, value, index) => sum + (index - middle) * (value - mean),
    0,
  );
  const variance = values.reduce((sum, _value, index) => sum + (index - middle) ** 2, 0);
  return covariance / variance;
}
