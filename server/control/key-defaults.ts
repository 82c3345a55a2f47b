import type { GenerateKeyRequest } from "../../shared/keys.ts";
import type { ControlPlane } from "./control-plane.ts";

type Fields = Omit<GenerateKeyRequest, "key">;

/** The seed's promise: a key whose duration nobody names is temporary. */
const defaultDuration = "1h";

/** What a request for a key asks for, with the config's defaults where it is silent or says null. */
export function withDefaults(
  request: Fields,
  defaults: ControlPlane["defaultKeyParams"],
): Fields & { duration: string } {
  const said = Object.entries(request).filter(([, value]) => value !== null && value !== undefined);
  // The defaults are frozen, which their type says; nothing writes to a request.
  const fields = { ...(defaults as Fields), ...(Object.fromEntries(said) as Fields) };
  const isBudgeted = (fields.max_budget ?? fields.soft_budget ?? null) !== null;
  return {
    ...fields,
    duration: fields.duration ?? defaultDuration,
    // A period that the config gives to budgets asks for none where there is none.
    budget_duration: isBudgeted ? fields.budget_duration : request.budget_duration,
  };
}
