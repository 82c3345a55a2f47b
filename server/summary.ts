import { usdTextFromPicodollars } from "../shared/money.ts";
import type { Deps } from "./deps.ts";
import type { Verification } from "./store/verify.ts";

/** What a person at the terminal wants to know once the gateway listens. The master key itself is never shown. */
export function startSummary({ config, masterKey, isOpen, database }: Deps, url: string): string {
  const models = config.model_list.map(({ model_name, litellm_params, unavailable }) => {
    const state = unavailable === undefined ? litellm_params.model : `unavailable: ${unavailable}`;
    return `  ${model_name}  (${state})`;
  });
  return [
    `Keyplane listens on ${url}`,
    `Database: ${database.embedded ? "embedded" : "Postgres"}`,
    "Models:",
    ...models,
    ...firstKey({ masterKey, isOpen }, url),
    "",
  ].join("\n");
}

function firstKey(
  { masterKey, isOpen }: Pick<Deps, "masterKey" | "isOpen">,
  url: string,
): string[] {
  if (isOpen)
    return [
      "No master key is configured: every caller is the admin.",
      `First key:  curl ${url}/key/generate -d '{"duration": "1h"}'`,
    ];
  if (!masterKey) return ["Callers are vouched for by custom_auth; there is no master key."];
  const key = masterKey.path === undefined ? "$MASTER_KEY" : `$(cat ${masterKey.path})`;
  const from = masterKey.path === undefined ? [] : [`The master key is in ${masterKey.path}`];
  return [
    ...from,
    `First key:  curl ${url}/key/generate -H "Authorization: Bearer ${key}" -d '{"duration": "1h"}'`,
  ];
}

/** What `keyplane verify` prints. Amounts in USD, exact. */
export function describeVerification(found: Verification): string {
  const { rows, keys, windows, replicas, held, differences } = found;
  const lines = differences.map(
    ({ what, recorded, proven }) =>
      `${what}: ${usdTextFromPicodollars(recorded)} USD recorded, ${usdTextFromPicodollars(proven)} USD by its rows`,
  );
  return [
    `${rows} rows, ${keys} keys, ${windows} budget windows; ${replicas} replicas hold ${usdTextFromPicodollars(held)} USD`,
    ...lines,
    differences.length === 0
      ? "Every sum is that of its rows"
      : `${differences.length} sums differ`,
    "",
  ].join("\n");
}
