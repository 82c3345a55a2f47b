import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { masterKey, startGateway } from "../server/testing/gateway.ts";

const client = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const execute = promisify(execFile);

const good = `
import { createClient, KeyplaneError, type Outputs } from "@keyplane/client";

const [url = "", masterKey = ""] = process.argv.slice(2);
const keyplane = createClient({ url, key: masterKey });

const generated = await keyplane.key.generate({ models: ["gpt"], duration: "20m", metadata: { nested: [{ deep: null }] } });
const expires: Date | null = generated.expires;
const listed: Outputs["key"]["list"] = await keyplane.key.list({ size: 1 });
const code = await keyplane.key.info({ key: "sk-nobody-has-this-key-at-all" }).catch((error: unknown) => error instanceof KeyplaneError && error.code);
console.log(JSON.stringify({ key: generated.key, isDate: expires instanceof Date, total: listed.total_count, code }));

export async function refused() {
  // @ts-expect-error -- a misspelt field
  await keyplane.key.generate({ modles: ["gpt"] });
  // @ts-expect-error -- JSON holds no functions
  await keyplane.key.generate({ metadata: { call: () => {} } });
}
declare const process: { readonly argv: readonly string[] };
`;

const bad = `
import { createClient } from "@keyplane/client";
const keyplane = createClient({ url: "http://127.0.0.1:8000" });
await keyplane.key.generate({ modles: ["gpt"] });
await keyplane.key.generate({ duration: 20 });
(await keyplane.key.info()).secret;
await keyplane.key.block();
`;

let consumer: string;

beforeAll(async () => {
  consumer = await mkdtemp(join(tmpdir(), "keyplane-consumer-"));
  await execute("npm", ["pack", "--pack-destination", consumer], { cwd: client });
  const [tarball = ""] = await readdir(consumer);
  await writeFile(
    join(consumer, "package.json"),
    JSON.stringify({ private: true, type: "module" }),
  );
  // tRPC has TypeScript as a peer; the one that is here already will do.
  await execute(
    "npm",
    ["install", "--prefer-offline", "--no-audit", "--no-fund", "--omit=peer", `./${tarball}`],
    { cwd: consumer },
  );
}, 180_000);
afterAll(() => rm(consumer, { recursive: true, force: true }));

/** Compiles a file next to the installed package; answers with what the compiler has against it. */
async function compile(
  name: string,
  source: string,
  parameters: readonly string[],
): Promise<string[]> {
  await writeFile(join(consumer, name), source);
  const strict = [
    "--ignoreConfig",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--types",
    "",
  ];
  const { stdout } = await execute(process.execPath, [tsc, ...strict, ...parameters, name], {
    cwd: consumer,
  }).catch((error: { stdout: string }) => error);
  return stdout.split("\n").filter((line) => line !== "");
}

test("a program that uses the package as it should compiles, the package's own declarations included, and runs", async () => {
  await using gateway = await startGateway();

  // tRPC's declarations name Disposable.
  expect(await compile("good.ts", good, ["--lib", "es2022,dom,esnext.disposable"])).toEqual([]);
  const { stdout } = await execute(process.execPath, ["good.js", gateway.url, masterKey], {
    cwd: consumer,
  });

  expect(JSON.parse(stdout)).toEqual({
    key: expect.stringMatching(/^sk-/),
    isDate: true,
    total: 1,
    code: "key_not_found",
  });
});

test("a wrong field, a wrong type, a missing input and an unknown output do not compile", async () => {
  const faults = await compile("bad.ts", bad, [
    "--lib",
    "es2022,dom",
    "--skipLibCheck",
    "--noEmit",
  ]);

  expect(
    faults.map((fault) => /^bad\.ts\((\d+),\d+\): error/.exec(fault)?.[1]).filter(Boolean),
  ).toEqual(["4", "5", "6", "7"]);
});

test("the programs of its README compile", async () => {
  const readme = await readFile(join(consumer, "node_modules/@keyplane/client/README.md"), "utf8");
  const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, program = ""]) => program);

  expect(programs.length).toBe(2);
  for (const [index, program] of programs.entries())
    expect(
      await compile(`readme-${index}.ts`, program, [
        "--lib",
        "es2022,dom",
        "--skipLibCheck",
        "--noEmit",
      ]),
    ).toEqual([]);
});

test("nothing of the server is installed with it", async () => {
  const installed = await readdir(join(consumer, "node_modules"));

  expect(installed.filter((name) => !name.startsWith("."))).toEqual([
    "@keyplane",
    "@trpc",
    "copy-anything",
    "superjson",
  ]);
});

test("its code asks nothing of Node that a browser lacks", async () => {
  const dist = join(consumer, "node_modules/@keyplane/client/dist");
  const names = (await readdir(dist)).filter((name) => name.endsWith(".js"));
  const code = await Promise.all(names.map((name) => readFile(join(dist, name), "utf8")));

  expect(code.length).toBeGreaterThan(0);
  expect(code.join("\n")).not.toMatch(/\b(?:process|Buffer|require)\b|["']node:/);
});
