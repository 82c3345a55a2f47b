import { z } from "zod";
import { budgetFault, mergeBudgets, noBudgets } from "./budget-settings.ts";
import { budgetFields, limitFields } from "./budgets.ts";
import { address, plainText } from "./text.ts";

/**
 * What a custom auth function answers with: who is calling, enforced like a virtual key.
 *
 * `api_key` is what the caller presented (or any other stable name for it); spend is logged to its SHA-256, and budgets
 * are kept by it.
 */
export const userApiKeyAuth = z
  .strictObject({
    api_key: z.string().min(1),
    /** Model groups it may call; left out, null and [] mean all. */
    models: z.array(z.string()).nullish(),
    /** Name asked for → model group. */
    aliases: z.record(z.string(), z.string()).nullish(),
    user_id: plainText.max(255).nullish(),
    key_alias: plainText.max(255).nullish(),
    tags: z.array(plainText.max(255)).max(100).nullish(),
    allowed_routes: z.array(z.string()).nullish(),
    allowed_ips: z.array(address).nullish(),
    /** The moment from which the key is refused. */
    expires: z.date().nullish(),
    blocked: z.boolean().nullish(),
    ...budgetFields,
    ...limitFields,
  })
  .superRefine((answer, context) => {
    const fault = budgetFault(mergeBudgets(noBudgets, answer, new Date()));
    if (fault) context.addIssue({ code: "custom", path: [fault.param], message: fault.message });
  });
export type UserAPIKeyAuth = z.input<typeof userApiKeyAuth>;
/** An answer that was checked. */
export type CheckedUserAPIKeyAuth = z.output<typeof userApiKeyAuth>;

/**
 * The function that `general_settings.custom_auth` names. It is called with the request, body included, and
 * the key that the caller presented (empty when there was none).
 *
 * Null passes the caller on to the virtual keys. What it throws is a 401.
 */
export type CustomAuth = (
  request: Request,
  apiKey: string,
) => UserAPIKeyAuth | null | Promise<UserAPIKeyAuth | null>;
