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
import { dearest } from "./estimate.ts";
import { meteredBound } from "./metered-bound.ts";
import type { Asked } from "./meters/meter.ts";

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
  readonly sent: Asked;
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
 * Holds what a call may cost of every budget that it counts in, or of none. At once where the budgets are known and what
 * this replica holds of them suffices.
 *
 * @throws GatewayError `budget_exceeded`, `budget_reserved`, `budget_unavailable`, `model_not_priced`
 */
export function holdMoney(treasury: Treasury, spending: Spending): Held | Promise<Held> {
  const { caller } = spending;
  return caller.budgetTerms
    ? treasury.customBudgets.of(caller).then((own) => holdOf(treasury, spending, own))
    : holdOf(treasury, spending, caller.budgets);
}

function holdOf(
  treasury: Treasury,
  spending: Spending,
  own: readonly CallerBudget[],
): Held | Promise<Held> {
  const { group, endpoint } = spending;
  const budgets = own.filter(({ model }) => model === null || model === group);
  // What a member that does not serve the route would cost is of no interest.
  const deployments = spending.deployments.filter((one) => passageOf(endpoint, one) !== undefined);
  if (budgets.length === 0 || deployments.every(({ isFree }) => isFree)) return nothingHeld;
  const claim: Claim = treasury.isStrict
    ? strictBound(deployments, spending)
    : expectation(deployments, spending.estimate);
  const taking = take(treasury, { spending, budgets }, claim);
  const heldOf = (hold: Hold) => ({ hold, outputCap: claim.outputCapFor(hold.amount) });
  return taking instanceof Promise ? taking.then(heldOf) : heldOf(taking);
}

/** What is to be held for a call, and less where less is left; an amount in between may cap what it generates. */
type Claim = Pick<Bound, "need" | "least" | "outputCapFor">;

function strictBound(deployments: readonly Deployment[], spending: Spending): Bound {
  const { meter } = spending.endpoint;
  return meter ? meteredBound(deployments, spending, meter) : boundOf(deployments, spending);
}

/** What a call is expected to cost: it may turn out to cost more. */
function expectation(deployments: readonly Deployment[], estimate: Usage): Claim {
  const cost = dearest(deployments, estimate);
  // An estimate may be nothing where the call is not: then too the budget must have something left.
  return { need: cost > 0n ? cost : 1n, least: 1n, outputCapFor: () => undefined };
}

interface Parties {
  readonly spending: Spending;
  readonly budgets: readonly CallerBudget[];
}

function take(treasury: Treasury, parties: Parties, { need, least }: Claim): Hold | Promise<Hold> {
  const { allowances, holdsGood } = treasury;
  if (!holdsGood()) throw unavailable(parties.spending);
  const request = { budgets: parties.budgets.map(({ id }) => id), need, least };
  return (
    allowances.hold(request) ??
    allowances.fetch(request).then((outcome) => holdOrThrow(treasury, parties, outcome))
  );
}

function holdOrThrow(
  { customBudgets, exceededStatus }: Treasury,
  parties: Parties,
  outcome: Hold | BudgetRefusal,
): Hold {
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
