import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { answers, type Contender } from "./contenders.ts";
import { freePort, pidOf, type Processes } from "./processes.ts";
import { deploymentOf } from "./wire.ts";

const masterKey = "sk-bench-master-key-0123456789";

export interface Gateway extends Contender {
  /** The spend that the gateway has on record for the bench's key. */
  readSpendUsd: () => Promise<number>;
}

/** Starts the compiled gateway on a config of its own and makes the virtual key that is called with. */
export async function startGateway(
  processes: Processes,
  upstreamPort: number,
  databaseUrl: string,
): Promise<Gateway> {
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

  const { key } = await callAsAdmin<{ key: string }>(`${origin}/key/generate`, {
    duration: "never",
  });
  const readSpendUsd = async () =>
    (await callAsAdmin<{ info: { spend: number } }>(`${origin}/key/info?key=${key}`)).info.spend;
  return {
    name: "gateway",
    port,
    pid: pidOf(child),
    key,
    settleMs: 1500,
    answered: 0,
    stop: () => processes.stop(child),
    readSpendUsd,
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
