import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { ControlRouter } from "../server/control/router.ts";

/** What each procedure takes, as in `Inputs["key"]["generate"]`. */
export type Inputs = inferRouterInputs<ControlRouter>;

/** What each procedure answers, as in `Outputs["spend"]["logs"]`. Moments are `Date`s. */
export type Outputs = inferRouterOutputs<ControlRouter>;

/** Whether a procedure reads or changes. */
export type ProcedureKind = "query" | "mutation";

type KindsOf<Node> = Node extends { _def: { type: infer Kind } }
  ? Kind
  : { readonly [Name in keyof Node]: KindsOf<Node[Name]> };

/**
 * The kind of each procedure. tRPC sends a query as GET and a mutation as POST, and the router's type, which knows
 * them apart, is gone at run time. It holds this table: a name too many, too few or of the other kind does not compile.
 */
export const procedures = {
  key: {
    generate: "mutation",
    info: "query",
    update: "mutation",
    updateAliases: "mutation",
    delete: "mutation",
    block: "mutation",
    unblock: "mutation",
    list: "query",
  },
  spend: {
    logs: "query",
  },
} as const satisfies KindsOf<ControlRouter["_def"]["record"]>;
