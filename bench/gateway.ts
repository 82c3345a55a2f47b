import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { answers, type Contender } from "./contenders.ts";
import { freePort, pidOf, type Processes } from "./processes.ts";
import { deploymentOf } from "./wire.ts";

export const plainName = "gateway";
export const limitedName = "… budgets, limits";

const masterKey = "sk-bench-master-key-0123456789";

/** A running gateway, called with one of its keys. */
export interface Gateway extends Contender {
  /** The spend that the gateway has on record for that key. */
  readSpendUsd: () => Promise<number>;
}

export interface Gateways {
  /** With a key that nothing limits. */
  plain: Gateway;
  /** The same process, with a key that has a budget in three windows and every limit there is. */
  limited: Gateway;
}

/** More of everything than a bench can use: what is measured is the looking, not the refusing. */
const everyLimit = {
  max_budget: 1e9,
  budget_limits: [
    { max_budget: 1e9, budget_duration: "1d" },
    { max_budget: 1e9, budget_duration: "1mo" },
  ],
  rpm_limit: 1e9,
  tpm_limit: 1e12,
  max_parallel_requests: 1e6,
};

/** Starts the compiled gateway on a config of its own and makes the virtual keys that are called with. */
export async function startGateway(
  processes: Processes,
  upstreamPort: number,
  databaseUrl: string,
): Promise<Gateways> {
  const port = await freePort();
  const dataDirectory = mkdtempSync(join(processes.directory, "data-"));
  const origin = `http://127.0.0.1:${port}`;
  const configFile = join(processes.directory, "config.yaml");
  const general = { master_key: masterKey, database_url: databaseUrl };
  writeFileSync(
    configFile,
    stringify({ model_list: [deploymentOf(upstreamPort)], general_settings: general }),
  );
  const main = fileURLToPath(new URL("../server/main.js", import.meta.url));
  const address = ["--port", String(port), "--host", "127.0.0.1"];
  const command = [
    process.execPath,
    main,
    "--config",
    configFile,
    ...address,
    "--data-dir",
    dataDirectory,
  ];
  const child = await processes.start("gateway", command, () =>
    answers(`${origin}/health/readiness`),
  );

  const withKey = async (name: string, fields: object): Promise<Gateway> => {
    const { key } = await callAsAdmin<{ key: string }>(`${origin}/key/generate`, {
      duration: "never",
      ...fields,
    });
    const about = `${origin}/key/info?key=${key}`;
    const readSpendUsd = async () =>
      (await callAsAdmin<{ info: { spend: number } }>(about)).info.spend;
    const pid = pidOf(child);
    const stop = () => processes.stop(child);
    return { name, port, pid, key, settleMs: 1500, answered: 0, stop, readSpendUsd };
  };
  return {
    plain: await withKey(plainName, {}),
    limited: await withKey(limitedName, everyLimit),
  };
}

async function callAsAdmin<Reply>(url: string, body?: object): Promise<Reply> {
  const headers = { authorization: `Bearer ${masterKey}`, "content-type": "application/json" };
  const response = await fetch(
    url,
    body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) },
  );
  const text = await response.text();
  if (!response.ok)
    throw new Error(`Cannot use ${new URL(url).pathname}: status ${response.status}, "${text}"`);
  // The bench reads one field of a documented reply; a wrong shape shows at once.
  return JSON.parse(text) as Reply;
}
