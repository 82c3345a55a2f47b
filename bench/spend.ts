import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway } from "./gateway.ts";
import type { Scenario } from "./wire.ts";

const patienceMs = 10_000;

/** Waits for the gateway's record to reach what its calls cost. Rejects when it stays short of that or goes beyond. */
export async function checkSpend(gateway: Gateway, scenario: Scenario): Promise<string> {
  const expectedUsd = (gateway.answered * scenario.costMicroUsd) / 1e6;
  const deadline = Date.now() + patienceMs;
  let spendUsd = await gateway.readSpendUsd();
  while (!isSame(spendUsd, expectedUsd) && Date.now() < deadline) {
    await sleep(250);
    spendUsd = await gateway.readSpendUsd();
  }
  const account = `${gateway.answered} calls cost ${expectedUsd} USD, the key's spend is ${spendUsd} USD`;
  if (!isSame(spendUsd, expectedUsd)) throw new Error(`The account is wrong: ${account}`);
  return `  accounting: ${account}: exact`;
}

// Every call costs whole millionths, so anything nearer than that is the rounding of a double.
function isSame(leftUsd: number, rightUsd: number): boolean {
  return Math.abs(leftUsd - rightUsd) < 1e-9;
}
