import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Agent } from "./agent.ts";
import { beRefused, type Bench, takeTurn } from "./checks.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { type RunningGateway, startGateway } from "./gateway.ts";
import { install } from "./install.ts";
import { opencode } from "./opencode.ts";
import { startOutside } from "./outside.ts";

const agents = [claudeCode, codex, opencode];

const spent = {
  fields: { max_budget: 0 },
  code: "budget_exceeded",
  // Codex has words of its own for a 429 of this type.
  words: /max_budget of key \S+ is spent|Quota exceeded/,
};

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;

/** @param names of the programs to run, all of them unless given @returns whether every check held */
async function main(names: readonly string[]): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), "keyplane-agents-"));
  let failures = 0;
  const check = (what: string, holds: boolean, seen = "") => {
    if (!holds) failures += 1;
    console.log(`${holds ? "ok    " : "FAILED"} ${what}${seen && ` (${seen})`}`);
  };
  try {
    await using gateway = await startGateway(join(directory, "gateway"));
    await using by402 = await startGateway(join(directory, "gateway-402"), {
      budget_exceeded_status: 402,
    });
    await using outside = await startOutside();
    for (const agent of agents)
      if (names.length === 0 || names.includes(agent.program))
        await tryAgent({ gateway, outside, directory, check }, by402, agent);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return failures === 0;
}

/** @param by402 a gateway that says 402 where a budget is spent */
async function tryAgent(bench: Bench, by402: RunningGateway, agent: Agent): Promise<void> {
  const installed = await install(agent, bench.directory);
  if ("reason" in installed) {
    console.log(`left out: ${agent.package} does not run here: ${installed.reason}`);
    return;
  }
  console.log(agent.package);
  const { program } = installed;
  for (const model of agent.models) await takeTurn(bench, agent, program, model);
  await beRefused(bench, agent, program, { what: "a spent budget", ...spent });
  const benchOf402 = { ...bench, gateway: by402 };
  await beRefused(benchOf402, agent, program, { what: "a spent budget, by 402", ...spent });
  await beRefused(bench, agent, program, {
    what: "a blocked key",
    fields: { blocked: true },
    code: "key_blocked",
    words: /it is blocked/,
  });
}
