import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { readConfig } from "../config.ts";
import { createDeps, type Deps } from "../deps.ts";
import { createLogger, type Logger } from "../log.ts";
import { serve } from "../serve.ts";
import { createDatabase } from "./create-database.ts";
import { type FakeUpstream, startUpstream } from "./fake-upstream.ts";

export const masterKey = "sk-master-key-of-the-tests";

export interface GatewayOptions {
  /** The whole config.yaml; it is given the upstream's address. The default has a group `gpt` on the upstream. */
  readonly config?: (upstreamUrl: string) => string;
  /** Where `custom_auth` is looked for. */
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where it logs to; nowhere unless given. */
  readonly logger?: Logger;
}

/** A whole gateway in this process, on a real database of its own, with an upstream on loopback. */
export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly deps: Deps;
  readonly upstream: FakeUpstream;
  /** A request with the master key, unless `key` is given; null sends none. The body is sent as JSON. */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  /** POST /key/generate; answers with the secret. */
  generateKey(fields?: Record<string, unknown>): Promise<string>;
  /** POST /v1/chat/completions to group `gpt`, with `fields` over the default body. */
  chat(key: string, fields?: Record<string, unknown>): Promise<Response>;
  /** GET /key/info, once everything recorded so far is in the database. */
  spendOf(key: string): Promise<number>;
  /** Rows of GET /spend/logs, newest first, once everything recorded so far is in the database. */
  spendLogs(query?: string): Promise<Record<string, unknown>[]>;
}

export interface RequestOptions {
  readonly key?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A config.yaml of sections, with the master key and a short flush interval: JSON is YAML. */
export function configText({
  general_settings,
  ...sections
}: Readonly<Record<string, object>>): string {
  return JSON.stringify({
    ...sections,
    general_settings: { master_key: masterKey, flush_interval_ms: 50, ...general_settings },
  });
}

export interface TestModel {
  readonly model_name: string;
  readonly api_base: string;
  readonly [parameter: string]: unknown;
}

/** An entry of `model_list`, flat: priced as in `simpleConfig`, at OpenAI unless `model` says otherwise. */
export function modelEntry({ model_name, ...parameters }: TestModel) {
  const prices = { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 };
  return {
    model_name,
    litellm_params: {
      model: "openai/gpt-real",
      api_key: "upstream-secret",
      ...prices,
      ...parameters,
    },
  };
}

/** One deployment on the fake upstream, at one microdollar a prompt token and two a completion token. */
export function simpleConfig(upstreamUrl: string): string {
  return `
model_list:
  - model_name: gpt
    litellm_params:
      model: openai/gpt-real
      api_base: ${upstreamUrl}/v1
      api_key: upstream-secret
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
general_settings:
  master_key: ${masterKey}
  flush_interval_ms: 50
`;
}

export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const upstream = await startUpstream();
  const dataDir = await mkdtemp(join(tmpdir(), "keyplane-gateway-"));
  const database = await anyDatabase();
  const { config } = readOrThrow((options.config ?? simpleConfig)(upstream.url), options);
  const withDatabase = {
    ...config,
    general_settings: {
      ...config.general_settings,
      ...(database && { database_url: database.url }),
    },
  };
  const deps = await createDeps({
    config: withDatabase,
    dataDir,
    logger: options.logger ?? createLogger({ verbose: false, silent: true }),
    isDraining: () => false,
  });
  const serving = await serve(deps, { host: "127.0.0.1", port: 0 });
  const dispose = async () => {
    await upstream.close();
    await serving.drain();
    await deps.close();
    await database?.drop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    url: serving.url,
    deps,
    upstream,
    ...clientOf(serving.url, deps),
    [Symbol.asyncDispose]: dispose,
  };
}

/** A database on a real server where this run has one: it is cloned in milliseconds. Else the embedded one. */
async function anyDatabase() {
  const [server] = inject("postgresServers");
  return server && createDatabase(server.url, { template: server.template });
}

function readOrThrow(text: string, { directory = tmpdir(), environment = {} }: GatewayOptions) {
  const reading = readConfig({ text, directory, environment });
  if (!reading.ok) throw new Error(reading.faults.map(({ message }) => message).join("\n"));
  return reading;
}

function clientOf(
  url: string,
  deps: Deps,
): Omit<TestGateway, "url" | "deps" | "upstream" | typeof Symbol.asyncDispose> {
  const request = (
    method: string,
    path: string,
    { key = masterKey, body, headers = {}, signal }: RequestOptions = {},
  ) =>
    fetch(url + path, {
      method,
      headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...headers },
      ...(signal && { signal }),
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const json = async (path: string): Promise<Record<string, unknown>> => {
    await deps.gateway.inFlight.none();
    await deps.gateway.ledger.flush();
    return (await (await request("GET", path)).json()) as Record<string, unknown>;
  };
  return {
    request,
    async generateKey(fields = {}) {
      const response = await request("POST", "/key/generate", { body: fields });
      if (!response.ok) throw new Error(await response.text());
      return ((await response.json()) as { key: string }).key;
    },
    chat: (key, fields = {}) =>
      request("POST", "/v1/chat/completions", {
        key,
        body: { model: "gpt", messages: [{ role: "user", content: "Hi" }], ...fields },
      }),
    async spendOf(key) {
      return ((await json(`/key/info?key=${key}`))["info"] as { spend: number }).spend;
    },
    async spendLogs(query = "") {
      return (await json(`/spend/logs?${query}`))["data"] as Record<string, unknown>[];
    },
  };
}

export interface ExpectedError {
  readonly status: number;
  readonly type: string;
  readonly param?: string;
  readonly code?: string;
}

/** Checks the whole error, and that it tells nothing that it must not; returns its message. */
export async function expectError(
  response: Response,
  { status, type, param, code }: ExpectedError,
): Promise<string> {
  const text = await response.text();
  const body = JSON.parse(text) as { error: { message: string } };
  expect({ status: response.status, body }).toEqual({
    status,
    body: {
      error: {
        message: expect.stringMatching(/\S/),
        type,
        param: param ?? null,
        code: code ?? null,
      },
    },
  });
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("x-request-id")).toMatch(/\S/);
  expect(text).not.toMatch(
    /upstream-secret|sk-master|node_modules|\\n\s*at |\.[jt]s:\d|127\.0\.0\.1/,
  );
  return body.error.message;
}
