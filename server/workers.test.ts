import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, inject, test, vi } from "vitest";
import { createDatabase } from "./testing/create-database.ts";
import { type FakeUpstream, reportedUsage, startUpstream } from "./testing/fake-upstream.ts";
import { simpleConfig } from "./testing/gateway.ts";
import {
  type GatewayProcess,
  runKeyplane,
  startGatewayProcess,
  temporaryDirectory,
} from "./testing/gateway-process.ts";
import { parseMetrics } from "./testing/metrics-page.ts";

// Each starts three processes or more.
vi.setConfig({ testTimeout: 120_000 });

const [server] = inject("postgresServers");

const generated = (config: string) => config.replace(/master_key: .*/, "master_key: generate");

/** A config with the settings that several workers need, on a database of its own, and a line in the log for each attempt. */
async function sharedConfig(upstream: FakeUpstream, general = "  limits: per_replica\n") {
  if (!server) throw new Error("Cannot test workers: this run has no Postgres");
  const database = await createDatabase(server.url, { template: server.template });
  const config = generated(simpleConfig(upstream.url));
  return {
    text: `${config}  database_url: ${database.url}\n${general}litellm_settings:\n  set_verbose: true\n`,
    [Symbol.asyncDispose]: database.drop,
  };
}

/** A connection for each call: one that is kept alive stays with its worker. */
const dispatcher = new Agent({ pipelining: 0 });

function call(gateway: GatewayProcess, key: string, fields: object = {}) {
  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }], ...fields };
  return request(`${gateway.url}/v1/chat/completions`, {
    dispatcher,
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
}

/** The status of a call; 0 where the connection broke. */
async function statusOf(gateway: GatewayProcess, key: string): Promise<number> {
  try {
    const { statusCode, body } = await call(gateway, key);
    await body.text();
    return statusCode;
  } catch {
    return 0;
  }
}

async function isReached(gateway: GatewayProcess): Promise<boolean> {
  try {
    const { body } = await request(`${gateway.url}/health/liveliness`, {
      dispatcher,
      // A connection that nobody has taken when the last worker stops listening stays open until the end of the process.
      headersTimeout: 1_000,
    });
    await body.text();
    return true;
  } catch {
    return false;
  }
}

async function masterKeyOf({ directory }: GatewayProcess): Promise<string> {
  return (await readFile(join(directory, ".keyplane/master_key"), "utf8")).trim();
}

/** The processes that have answered calls, by what they logged. */
function pidsOf(gateway: GatewayProcess): number[] {
  const attempts = [...gateway.said().matchAll(/"pid":(\d+).*"msg":"attempt"/g)];
  return [...new Set(attempts.map(([, pid]) => Number(pid)))];
}

async function refusedOf(gateway: GatewayProcess): Promise<number | undefined> {
  const { body, statusCode } = await request(`${gateway.url}/metrics`, { dispatcher });
  expect(statusCode).toBe(200);
  const page = parseMetrics(await body.text());
  return page.get('keyplane_requests_refused_total{code="invalid_api_key"}');
}

const times = <Result>(count: number, act: () => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, act));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.skipIf(server === undefined)("several workers", () => {
  test("share a port, a generated master key and their metrics; the summary is shown once", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using gateway = await startGatewayProcess(config.text, ["--workers", "2"]);
    const key = await masterKeyOf(gateway);

    expect(await times(8, () => statusOf(gateway, key))).toEqual(Array(8).fill(200));
    expect(await times(8, () => statusOf(gateway, "sk-unknown"))).toEqual(Array(8).fill(401));

    await expect.poll(() => pidsOf(gateway)).toHaveLength(2);
    expect(await times(4, () => refusedOf(gateway))).toEqual(Array(4).fill(8));
    expect(gateway.said().match(/Keyplane listens on/g)).toHaveLength(1);
    expect(await gateway.stop("SIGINT")).toMatchObject({ code: 0, signal: null });
  });

  test("one that is killed is replaced, calls go on meanwhile, and no count goes back", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using gateway = await startGatewayProcess(config.text, ["--workers", "2"]);
    const key = await masterKeyOf(gateway);
    await times(4, () => statusOf(gateway, key));
    await times(6, () => statusOf(gateway, "sk-unknown"));
    await expect.poll(() => pidsOf(gateway)).toHaveLength(2);
    expect(await refusedOf(gateway)).toBe(6);
    const [killed = 0, other] = pidsOf(gateway);

    process.kill(killed, "SIGKILL");

    await expect.poll(() => gateway.said()).toContain("a worker ended");
    expect(await times(4, () => statusOf(gateway, key))).toEqual(Array(4).fill(200));
    expect(await refusedOf(gateway)).toBe(6);
    const callUntilThird = async () => {
      expect(await statusOf(gateway, key)).toBe(200);
      return pidsOf(gateway).length;
    };
    await expect.poll(callUntilThird, { timeout: 30_000 }).toBe(3);
    expect(isAlive(killed)).toBe(false);
    expect(isAlive(other ?? 0)).toBe(true);
    expect(await refusedOf(gateway)).toBe(6);
    expect(await gateway.stop()).toMatchObject({ code: 0, signal: null });
  });

  test.each([
    ["SIGTERM to the process that started them", "SIGTERM", () => []],
    ["control-C, which reaches all of them", "SIGINT", pidsOf],
  ] as const)("%s: streams are finished, and the exit is clean", async (_how, signal, alsoTo) => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using gateway = await startGatewayProcess(config.text, ["--workers", "2"]);
    const key = await masterKeyOf(gateway);
    await times(4, () => statusOf(gateway, key));
    await expect.poll(() => pidsOf(gateway)).toHaveLength(2);
    const finish: (() => void)[] = [];
    upstream.answer((_call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"choices":[{"delta":{"content":"first"}}]}\n\n`);
      finish.push(() =>
        response.end(`data: {"usage":${JSON.stringify(reportedUsage)}}\n\ndata: [DONE]\n\n`),
      );
    });
    const streams = await times(2, () => call(gateway, key, { stream: true }));

    for (const pid of alsoTo(gateway)) process.kill(pid, signal);
    const ending = gateway.stop(signal);
    await expect.poll(() => isReached(gateway), { timeout: 10_000 }).toBe(false);
    for (const end of finish) end();

    for (const { body } of streams) expect(await body.text()).toMatch(/first[\s\S]*\[DONE\]/);
    expect(await ending).toMatchObject({ code: 0, signal: null });
  });

  test("when the process that started them is killed they finish what is under way and end", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using gateway = await startGatewayProcess(config.text, ["--workers", "2"]);
    const key = await masterKeyOf(gateway);
    let finish: (() => void) | undefined;
    upstream.answer((_call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"choices":[{"delta":{"content":"first"}}]}\n\n`);
      finish = () => response.end("data: [DONE]\n\n");
    });
    const { body } = await call(gateway, key, { stream: true });

    // Its streams, which the workers have too, are closed only once they have all ended.
    const ended = gateway.stop("SIGKILL");
    await expect.poll(() => isReached(gateway), { timeout: 10_000 }).toBe(false);
    finish?.();

    expect(await body.text()).toMatch(/first[\s\S]*\[DONE\]/);
    expect(await ended).toMatchObject({ signal: "SIGKILL" });
  });

  test("when none is left and none can be started, it ends with 1", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using gateway = await startGatewayProcess(config.text, ["--workers", "2"]);
    const key = await masterKeyOf(gateway);
    await times(8, () => statusOf(gateway, key));
    await expect.poll(() => pidsOf(gateway)).toHaveLength(2);

    await writeFile(join(gateway.directory, "config.yaml"), "model_list: []\n");
    for (const pid of pidsOf(gateway)) process.kill(pid, "SIGKILL");

    expect(await gateway.ended).toMatchObject({ code: 1, signal: null });
    expect(gateway.said()).toContain("giving up");
  });

  test("a fault that keeps them from starting is told once, and ends it with 1", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream);
    await using folder = await temporaryDirectory({ "config.yaml": config.text });
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;

    const ending = await runKeyplane(["--workers", "2", "--port", String(port)], {
      directory: folder.path,
    });
    taken.close();

    expect(ending).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `Cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    });
  });

  test("without redis_url it takes a word that they may count limits each for themselves", async () => {
    await using upstream = await startUpstream();
    await using config = await sharedConfig(upstream, "");
    await using folder = await temporaryDirectory({ "config.yaml": config.text });

    const { code, stdout, stderr } = await runKeyplane(["--workers", "2", "--port", "0"], {
      directory: folder.path,
    });

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^Cannot start 2 workers.*redis_url.*limits: per_replica.*\n$/);
  });
});

test("several workers on the embedded database are refused", async () => {
  await using folder = await temporaryDirectory({
    "config.yaml": simpleConfig("http://127.0.0.1:1"),
  });

  const ending = await runKeyplane(["--workers", "2", "--port", "0"], { directory: folder.path });

  expect(ending).toMatchObject({
    code: 1,
    stdout: "",
    stderr:
      "Cannot start 2 workers on the embedded database, which is for one process: set general_settings.database_url\n",
  });
});
