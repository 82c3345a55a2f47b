import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "./package.ts";
import { type GatewayProcess, startGatewayProcess } from "./testing/gateway-process.ts";

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

const read = (name: string) => readFile(join(packageRoot, name), "utf8");

/** The shell blocks below a heading, in order. */
async function shellBlocks(heading: string): Promise<string[]> {
  const [, section = ""] = (await read("README.md")).split(`\n## ${heading}\n`);
  const [text = ""] = section.split(/\n## /);
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Runs blocks as in one terminal: what they export, later ones see. */
function openTerminal({ url, directory }: GatewayProcess) {
  const exported: string[] = [];
  let secret = "";
  return async (block: string): Promise<Reply[]> => {
    const words = block
      .replaceAll("http://127.0.0.1:8000", url)
      .replaceAll(".keyplane/master_key", join(directory, ".keyplane/master_key"))
      .replaceAll("sk-…", secret);
    if (words.startsWith("export ")) {
      exported.push(words);
      return [];
    }
    const replies = await sendAll([...exported, words].join("\n"));
    expect(replies.length, block).toBe(block.match(/^curl /gm)?.length);
    secret = String(replies.at(-1)?.body["key"] ?? secret);
    return replies;
  };
}

/** Each curl also prints its status, on a line of its own. */
async function sendAll(script: string): Promise<Reply[]> {
  const curl = `curl() { command curl -sS -w '\\n%{http_code}\\n' "$@"; }`;
  const { stdout } = await promisify(execFile)("sh", ["-euc", `${curl}\n${script}`], {
    env: { PATH: process.env["PATH"] },
  });
  return [...stdout.matchAll(/(.*)\n(\d{3})\n/g)].map(([, body = "", status]) => ({
    status: Number(status),
    body: JSON.parse(body) as Record<string, unknown>,
  }));
}

test.skipIf(!hasCurl)(
  "whoever follows the README from the start gets what it says (needs curl)",
  { timeout: 120_000 },
  async () => {
    await using gateway = await startGatewayProcess(await read("config.yaml"));
    const masterKey = await masterKeyOf(gateway);
    expect(gateway.said()).toContain(`Keyplane listens on ${gateway.url}\n`);
    expect(gateway.said()).toMatch(/^ {2}mock {2}\(openai\/mock\)$/m);
    expect(gateway.said()).toMatch(
      /^ {2}gpt-4o-mini {2}\(unavailable: OPENAI_API_KEY is not set\)$/m,
    );
    expect(gateway.said()).toMatch(/The master key is in \S*\.keyplane\/master_key\n/);
    expect(gateway.said()).not.toContain(masterKey);

    const type = openTerminal(gateway);
    const blocks = await shellBlocks("Walk-through");
    for (const block of blocks) {
      if (block.includes("/spend/logs")) await expect.poll(() => spent(type(block))).toBe(true);
      for (const { status, body } of await type(block)) {
        expect({ status, body }, block).toMatchObject({ status: 200 });
        expect(body, block).not.toHaveProperty("error");
      }
    }

    const call = blocks.find((block) => block.includes("/v1/chat/completions")) ?? "";
    const [refused] = await type(call);
    expect(refused).toMatchObject({ status: 401, body: { error: { code: "key_blocked" } } });
  },
);

async function masterKeyOf({ directory }: GatewayProcess): Promise<string> {
  return (await readFile(join(directory, ".keyplane/master_key"), "utf8")).trim();
}

/** Whether the replies to /key/info and /spend/logs show a spend. */
async function spent(replies: Promise<Reply[]>): Promise<boolean> {
  const [info, logs] = await replies;
  const { spend = 0 } = (info?.body["info"] ?? {}) as { spend?: number };
  return spend > 0 && JSON.stringify(logs?.body).includes('"success"');
}
