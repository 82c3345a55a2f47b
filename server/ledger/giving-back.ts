import type { Bank } from "./bank.ts";
import type { Purse } from "./purse.ts";
import type { Purses } from "./purses.ts";
import type { Turn } from "./turn.ts";

/** How often a give-back is worked out anew because a flush took of the allowance meanwhile. */
const maxTries = 5;

export interface GivingBackParts {
  readonly bank: Bank;
  readonly purses: Purses;
  readonly turn: Turn;
}

/** Gives back what the calls under way do not need. Never beside a carve, whose grant it would give back too. */
export async function giveSurplusBack(
  parts: GivingBackParts,
  purses: readonly Purse[],
): Promise<void> {
  while (parts.turn.isTaken) await parts.turn.over();
  const due = purses.filter((purse) => !purse.returning && purse.hasSurplus);
  if (due.length === 0) return;
  const returning = giveBackPatiently(parts, due).finally(() => {
    for (const purse of due) purse.returning = undefined;
  });
  for (const purse of due) purse.returning = returning;
  await returning;
}

async function giveBackPatiently(parts: GivingBackParts, purses: readonly Purse[]): Promise<void> {
  let due = purses;
  for (let tries = 0; tries < maxTries && due.length > 0; tries += 1) {
    try {
      await giveBackOnce(parts, due);
    } catch (error) {
      for (const purse of due) purse.doubt();
      return parts.bank.complain(error, "cannot give money of a budget back: it is tried again");
    }
    due = due.filter(({ hasSurplus }) => hasSurplus);
  }
}

async function giveBackOnce(
  { bank, purses }: GivingBackParts,
  due: readonly Purse[],
): Promise<void> {
  const keeps = due.map(({ windowId, needed, version }) => ({
    windowId,
    amount: needed,
    version,
  }));
  for (const { window_id, amount, version } of await bank.giveBack(keeps))
    purses.find(window_id)?.learn(amount, version);
}
