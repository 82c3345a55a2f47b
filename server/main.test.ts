import { once } from "node:events";
import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { version } from "./package.ts";
import { runKeyplane, startGatewayProcess, temporaryDirectory } from "./testing/gateway-process.ts";

// Each starts processes, some of which make an embedded database.
vi.setConfig({ testTimeout: 120_000 });

const modelList = `model_list:
  - model_name: mock
    litellm_params: { model: openai/mock, mock_response: Hello }
`;
const openConfig = modelList;
const generateConfig = `${modelList}general_settings:\n  master_key: generate\n`;

/** What a process that fails to start says, with its exit code. */
async function failureOf(
  config: string,
  words: readonly string[] = [],
  environment: Record<string, string> = {},
) {
  await using folder = await temporaryDirectory({ "config.yaml": config });
  return await runKeyplane(["--port", "0", ...words], { directory: folder.path, environment });
}

test("--help and --version say what they should and start nothing", async () => {
  await using folder = await temporaryDirectory();

  const help = await runKeyplane(["--help"], { directory: folder.path });
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toMatch(/^Usage: keyplane /);
  expect(await runKeyplane(["--version"], { directory: folder.path })).toMatchObject({
    code: 0,
    stdout: `${version}\n`,
  });
  expect(await readdir(folder.path)).toEqual([]);
});

test("a word that makes no sense is one line and exit code 1", async () => {
  expect(await runKeyplane(["--port", "http"])).toEqual({
    code: 1,
    signal: null,
    stdout: "",
    stderr: 'Cannot use "http" as a port: expected a number from 0 to 65535\n',
  });
});

test("check says that a good config is good, with its warnings, and touches nothing", async () => {
  await using folder = await temporaryDirectory({
    "config.yaml": `${modelList}general_settings: { master_key: sk-1234 }\n`,
  });

  const { code, stdout } = await runKeyplane(["check"], { directory: folder.path });

  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^config\.yaml:4:\d+: warning: general_settings\.master_key is shorter than 16 characters/,
  );
  expect(stdout).toMatch(/\nconfig\.yaml is good\n$/);
  expect(await readdir(folder.path)).toEqual(["config.yaml"]);
});

test("check tells every fault of a bad config by line and column, and no secret", async () => {
  const config = `model_list:
  - model_name: gpt
    litellm_params:
      modle: openai/gpt-4o
      api_key: [sk-secret-of-the-upstream]
general_settings:
  master_kye: sk-secret-of-the-admin
`;
  await using folder = await temporaryDirectory({ "bad.yaml": config });

  const { code, stdout } = await runKeyplane(["check", "--config", "bad.yaml"], {
    directory: folder.path,
  });

  expect(code).toBe(1);
  expect(stdout).toMatch(/^bad\.yaml:4:7: .*modle/m);
  expect(stdout).toMatch(/^bad\.yaml:7:3: .*master_kye.*master_key/m);
  expect(stdout).not.toContain("sk-secret");
});

test("a config that is not there, or bad, does not start", async () => {
  await using folder = await temporaryDirectory();

  const missing = await runKeyplane(["--port", "0"], { directory: folder.path });
  expect(missing).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "config.yaml:1:1: Cannot read the config: there is no such file\n",
  });
  const bad = await failureOf("model_list: []\n");
  expect(bad).toMatchObject({ code: 1, stdout: "" });
  expect(bad.stderr).toMatch(/^config\.yaml:1:\d+: /);
});

test("os.environ for a variable that is not set stops the start, for the settings that guard the door", async () => {
  for (const setting of ["database_url", "master_key"]) {
    const { code, stderr } = await failureOf(
      `${modelList}general_settings:\n  ${setting}: os.environ/NOT_SET_HERE\n`,
    );
    expect(code, setting).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^config\\.yaml:5:\\d+: general_settings\\.${setting} reads os\\.environ/NOT_SET_HERE, but NOT_SET_HERE is not set$`,
        "m",
      ),
    );
  }
});

test("a database that does not answer stops the start, and its password is not told", async () => {
  const { code, stderr } = await failureOf(
    `${modelList}general_settings:\n  master_key: sk-0123456789abcdef\n  database_url: postgres://user:the-password@127.0.0.1:1/db\n`,
  );

  expect(code).toBe(1);
  expect(stderr).toMatch(/^Cannot use the database at .*127\.0\.0\.1/m);
  expect(stderr).not.toContain("the-password");
});

test("beyond this machine it does not listen without a master key, unless that is meant", async () => {
  const refused = await failureOf(openConfig, ["--host", "0.0.0.0"]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /^Cannot listen on 0\.0\.0\.0 without a master key.*--allow-unauthenticated\n$/,
  );

  await using gateway = await startGatewayProcess(openConfig, [
    "--host",
    "0.0.0.0",
    "--allow-unauthenticated",
  ]);
  const { port } = new URL(gateway.url);
  const response = await fetch(`http://127.0.0.1:${port}/key/generate`, {
    method: "POST",
    body: "{}",
    headers: { origin: "https://app.example" },
  });
  expect(response.status).toBe(200);
  expect(gateway.said()).toContain("every caller is the admin");
});

test("on this machine it starts without a master key, and a page of another origin is refused", async () => {
  await using gateway = await startGatewayProcess(openConfig);

  expect((await fetch(`${gateway.url}/key/generate`, { method: "POST", body: "{}" })).status).toBe(
    200,
  );
  const headers = { origin: "https://evil.example" };
  expect(
    (await fetch(`${gateway.url}/key/generate`, { method: "POST", body: "{}", headers })).status,
  ).toBe(403);
});

test("a port that is taken is said to be, and the data directory is free again", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await using folder = await temporaryDirectory({ "config.yaml": openConfig });

  const { code, stderr } = await runKeyplane(["--port", String(port)], { directory: folder.path });
  other.close();

  expect(code).toBe(1);
  expect(stderr).toBe(`Cannot listen on 127.0.0.1:${port}: the port is in use\n`);
  await using gateway = await startGatewayProcess(openConfig, [], { directory: folder.path });
  expect((await fetch(`${gateway.url}/health/readiness`)).status).toBe(200);
});

test("a second process on the same data directory is told so, and the first goes on", async () => {
  await using gateway = await startGatewayProcess(generateConfig);

  const second = await runKeyplane(["--port", "0"], { directory: gateway.directory });

  expect(second).toMatchObject({
    code: 1,
    stdout: "",
    stderr: 'Cannot open the data directory ".keyplane": another Keyplane process is using it\n',
  });
  expect((await fetch(`${gateway.url}/health/readiness`)).status).toBe(200);
});

test("a generated master key is kept in a file for its owner alone; its path is told, the key never", async () => {
  await using folder = await temporaryDirectory();
  const path = join(folder.path, ".keyplane/master_key");
  const readKey = async () => (await readFile(path, "utf8")).trim();

  const first = await startGatewayProcess(generateConfig, [], { directory: folder.path });
  const key = await readKey();
  expect(key).toMatch(/^sk-[\w-]{22}$/);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await models(first.url, key)).status).toBe(200);
  expect((await models(first.url, "sk-another")).status).toBe(401);
  const { stdout, stderr, code } = await first.stop();
  expect(code).toBe(0);
  expect(stdout).toContain(".keyplane/master_key");
  expect(stdout + stderr).not.toContain(key);

  await chmod(path, 0o644);
  await using second = await startGatewayProcess(generateConfig, [], { directory: folder.path });
  expect(await readKey()).toBe(key);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await models(second.url, key)).status).toBe(200);
  expect(
    (await readdir(join(folder.path, ".keyplane"))).filter((name) => name.startsWith("master_key")),
  ).toEqual(["master_key"]);
});

test("KEYPLANE_MASTER_KEY goes before a generated one, and is not written down", async () => {
  const key = "sk-from-the-environment-0123";
  await using gateway = await startGatewayProcess(generateConfig, [], {
    environment: { KEYPLANE_MASTER_KEY: key },
  });

  const response = await fetch(`${gateway.url}/v1/models`, {
    headers: { authorization: `Bearer ${key}` },
  });

  expect(response.status).toBe(200);
  expect(gateway.said()).not.toContain(key);
  expect(await readdir(join(gateway.directory, ".keyplane"))).not.toContain("master_key");
});

test("an empty master key file is refused, not taken for a key", async () => {
  await using folder = await temporaryDirectory({
    "config.yaml": generateConfig,
    master_key: "\n",
  });

  const { code, stderr } = await runKeyplane(["--port", "0", "--data-dir", "."], {
    directory: folder.path,
  });

  expect(code).toBe(1);
  expect(stderr).toBe("Cannot use the master key in master_key: the file is empty\n");
});

test("custom auth that cannot be loaded stops the start", async () => {
  const { code, stderr } = await failureOf(
    `${modelList}general_settings:\n  custom_auth: custom_auth.user_api_key_auth\n`,
  );

  expect(code).toBe(1);
  expect(stderr).toMatch(/^Cannot load custom_auth "custom_auth\.user_api_key_auth": none of /m);
});

test("the compiled program loads the seed's custom auth beside a config that is somewhere else", async () => {
  const config = `${modelList}litellm_settings:\n  drop_params: True\n  set_verbose: True\ngeneral_settings:\n  custom_auth: custom_auth.user_api_key_auth\n`;
  await using folder = await temporaryDirectory({
    "custom_auth.ts":
      "export const user_api_key_auth = async (_request: Request, api_key: string) => ({ api_key });",
    "other.yaml": config,
  });
  await using gateway = await startGatewayProcess(config, [
    "--config",
    join(folder.path, "other.yaml"),
  ]);

  const headers = { authorization: "Bearer sk-tenant-secret-0123" };
  const body = JSON.stringify({ model: "mock", messages: [{ role: "user", content: "Hi" }] });
  const response = await fetch(`${gateway.url}/chat/completions`, {
    method: "POST",
    headers,
    body,
  });

  expect(response.status).toBe(200);
  await fetch(`${gateway.url}/key/info?key=sk-tenant-secret-0123`, { headers });
  expect(gateway.said()).not.toContain("sk-tenant-secret");
});

function models(url: string, key: string): Promise<Response> {
  return fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
}
