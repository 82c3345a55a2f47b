import { usdTextFromPicodollars } from "../../shared/money.ts";
import type { Usage } from "../../shared/spend.ts";
import { GatewayError } from "../errors.ts";
import type { BudgetRefusal } from "../ledger/admission.ts";
import type { Allowances } from "../ledger/allowances.ts";
import { Hold } from "../ledger/purse.ts";
import type { Deployment } from "../providers/deployment.ts";
import { type Bound, boundOf } from "./bound.ts";
import type { Caller, CallerBudget } from "./caller.ts";
import { passageOf } from "./passage.ts";
import type { CustomBudgets } from "./custom-budgets.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Form } from "../wire/multipart.ts";
import { dearest } from "./estimate.ts";
import { meteredBound } from "./metered-bound.ts";

/** What calls are held against budgets with. */
export interface Treasury {
  readonly allowances: Allowances;
  readonly customBudgets: CustomBudgets;
  /** Whether what this replica holds of budgets is still its own. */
  readonly holdsGood: () => boolean;
  /** No budget is overspent by anything: bounds are held, not estimates. */
  readonly isStrict: boolean;
  /** The status of a call that a spent budget refuses. */
  readonly exceededStatus: number;
}

export interface Spending {
  readonly caller: Caller;
  readonly asked: string;
  readonly group: string;
  readonly deployments: readonly Deployment[];
  readonly request: Readonly<Record<string, unknown>>;
  readonly bodyBytes: number;
  readonly form: Form | undefined;
  readonly endpoint: Endpoint;
  readonly estimate: Usage;
}

export interface Held {
  readonly hold: Hold | undefined;
  readonly outputCap: number | undefined;
}

const nothingHeld: Held = { hold: undefined, outputCap: undefined };

/** Whether there is anything that a call could be held against. */
export function hasBudget({ caller }: Spending): boolean {
  return caller.budgets.length > 0 || (caller.budgetTerms?.length ?? 0) > 0;
}

/**
 * Holds what a call may cost of every budget that it counts in, or of none.
 *
 * @throws GatewayError `budget_exceeded`, `budget_reserved`, `budget_unavailable`, `model_not_priced`
 */
export async function holdMoney(treasury: Treasury, spending: Spending): Promise<Held> {
  const { caller, group, endpoint } = spending;
  const own = caller.budgetTerms ? await treasury.customBudgets.of(caller) : caller.budgets;
  const budgets = own.filter(({ model }) => model === null || model === group);
  // What a member that does not serve the route would cost is of no interest.
  const deployments = spending.deployments.filter((one) => passageOf(endpoint, one) !== undefined);
  if (budgets.length === 0 || deployments.every(({ isFree }) => isFree)) return nothingHeld;
  const ids = budgets.map(({ id }) => id);
  if (!treasury.isStrict) {
    const cost = dearest(deployments, spending.estimate);
    // An estimate may be nothing where the call is not: then too the budget must have something left.
    const need = cost > 0n ? cost : 1n;
    const hold = await take(treasury, { spending, budgets }, { budgets: ids, need, least: 1n });
    return { hold, outputCap: undefined };
  }
  const { meter } = endpoint;
  const bound: Bound = meter
    ? meteredBound(deployments, spending, meter)
    : boundOf(deployments, spending);
  const { need, least } = bound;
  const hold = await take(treasury, { spending, budgets }, { budgets: ids, need, least });
  return { hold, outputCap: bound.outputCapFor(hold.amount) };
}

interface Parties {
  readonly spending: Spending;
  readonly budgets: readonly CallerBudget[];
}

async function take(
  { allowances, customBudgets, holdsGood, exceededStatus }: Treasury,
  parties: Parties,
  request: Parameters<Allowances["hold"]>[0],
): Promise<Hold> {
  if (!holdsGood()) throw unavailable(parties.spending);
  const outcome = allowances.hold(request) ?? (await allowances.fetch(request));
  if (outcome instanceof Hold) return outcome;
  if (outcome.kind === "gone") customBudgets.forget(parties.spending.caller.id);
  throw refusalOf(outcome, parties, exceededStatus);
}

function refusalOf(
  refusal: BudgetRefusal,
  { spending, budgets }: Parties,
  exceededStatus: number,
): GatewayError {
  const { caller, asked } = spending;
  const name = budgets.find(({ id }) => id === refusal.budgetId)?.name ?? "budget";
  const cannot = `Cannot call model ${JSON.stringify(asked)}: ${name} of ${caller.name}`;
  switch (refusal.kind) {
    case "unavailable":
      return unavailable(spending);
    // Within a moment the caller is known with the budgets that it has now.
    case "gone":
    case "reserved":
      return new GatewayError(
        "budget_reserved",
        `${cannot} is being changed, or held by calls that are under way: what they leave over can be spent`,
        { headers: { "retry-after": "1" } },
      );
    case "exceeded":
      return new GatewayError(
        "budget_exceeded",
        `${cannot} is spent: ${usdTextFromPicodollars(refusal.spent)} of ${usdTextFromPicodollars(refusal.cap)} USD`,
        { status: exceededStatus, headers: { "x-should-retry": "false" } },
      );
  }
}

function unavailable({ asked, caller }: Spending): GatewayError {
  return new GatewayError(
    "budget_unavailable",
    `Cannot call model ${JSON.stringify(asked)}: the budget of ${caller.name} is kept in the database, which is out of reach`,
    { headers: { "retry-after": "5" } },
  );
}
