import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../server/package.ts";
import { type FakeUpstream, startUpstream } from "../server/testing/fake-upstream.ts";

const masterKey = "sk-master-key-of-the-end-to-end-tests";

/** In USD, whatever the model. */
export const prices = { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 };

/** Model groups, each at an upstream of another shape. */
const models = {
  chats: { model: "custom_openai/chats", path: "/v1" },
  gpt: { model: "openai/gpt-real", path: "/v1" },
  claude: { model: "anthropic/claude-real", path: "" },
} as const;

export type ModelName = keyof typeof models;

/** A row of GET /spend/logs, as far as it is looked at. */
export interface Attempt {
  readonly status: string;
  readonly spend: number;
  readonly estimated: boolean;
}

/** The compiled gateway in a process of its own, with an upstream on loopback. */
export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  readonly upstream: FakeUpstream;
  generateKey(fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Resolves once what has ended is in the database. */
  settle(): Promise<void>;
  /** USD that the key has spent. */
  spendOf(key: string): Promise<number>;
  attemptsOf(key: string): Promise<Attempt[]>;
  /** How many requests were refused since the start, with that code. */
  refusals(code: string): Promise<number>;
}

/**
 * @param directory of its own, which is made
 * @param settings general ones of its config.yaml
 */
export async function startGateway(
  directory: string,
  settings: object = {},
): Promise<RunningGateway> {
  const upstream = await startUpstream();
  await mkdir(directory);
  await writeFile(join(directory, "config.yaml"), configText(upstream.url, settings));
  const child = spawn(process.execPath, [join(packageRoot, "dist/server/main.js"), "--port", "0"], {
    cwd: directory,
    env: {},
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const url = await addressOf(child.stdout, ended);
  return {
    url,
    upstream,
    ...administrator(url),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      await upstream.close();
    },
  };
}

/** JSON is YAML. */
function configText(upstreamUrl: string, settings: object): string {
  return JSON.stringify({
    model_list: Object.entries(models).map(([model_name, { model, path }]) => ({
      model_name,
      litellm_params: {
        model,
        api_base: upstreamUrl + path,
        api_key: "upstream-secret",
        ...prices,
      },
    })),
    general_settings: { master_key: masterKey, flush_interval_ms: 50, ...settings },
  });
}

async function addressOf(stdout: NodeJS.ReadableStream, ended: Promise<unknown>): Promise<string> {
  let said = "";
  const listening = new Promise<string>((resolve) => {
    stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const [, url] = /listens on (\S+)\n/.exec(said) ?? [];
      if (url) resolve(url);
    });
  });
  const failed = ended.then(() => {
    throw new Error(`Cannot start the gateway, its last words: ${said}`);
  });
  return Promise.race([listening, failed]);
}

function administrator(
  url: string,
): Omit<RunningGateway, "url" | "upstream" | typeof Symbol.asyncDispose> {
  const ask = async (path: string, body?: object): Promise<string> => {
    const response = await fetch(url + path, {
      method: body ? "POST" : "GET",
      headers: { authorization: `Bearer ${masterKey}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`Cannot use ${path}: ${await response.text()}`);
    return response.text();
  };
  const askJson = async (path: string, body?: object): Promise<unknown> =>
    JSON.parse(await ask(path, body));
  return {
    generateKey: async (fields = {}) =>
      ((await askJson("/key/generate", { duration: "1h", ...fields })) as { key: string }).key,
    // Rows are written every 50 ms, and an agent that has ended has no call under way.
    settle: () => sleep(1_000),
    spendOf: async (key) =>
      ((await askJson(`/key/info?key=${key}`)) as { info: { spend: number } }).info.spend,
    attemptsOf: async (key) =>
      ((await askJson(`/spend/logs?api_key=${key}`)) as { data: Attempt[] }).data,
    async refusals(code) {
      const [, after = "0"] = (await ask("/metrics")).split(
        `keyplane_requests_refused_total{code="${code}"} `,
      );
      return Number.parseInt(after, 10);
    },
  };
}
