/** `npm run bench`: what the gateway costs beside the least that a proxy can cost. See README.md. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contender, hasNginx, startBareProxy, startNginx } from "./contenders.ts";
import { type Databases, openDatabases } from "./database.ts";
import { startGateway } from "./gateway.ts";
import { describeJournal } from "./journal.ts";
import { compare } from "./measure.ts";
import { describeMemory } from "./memory.ts";
import { type Options, readOptions, type ScenarioName } from "./options.ts";
import { nextMessage, Processes } from "./processes.ts";
import { describeComparison, median } from "./report.ts";
import { checkSpend } from "./spend.ts";
import { describeTranslation } from "./translate.ts";
import { chatScenario, streamScenario } from "./wire.ts";

interface Bench {
  options: Options;
  processes: Processes;
  load: ChildProcess;
  upstreamPort: number;
  /** Absent: the gateway is not measured. */
  databases: Databases | undefined;
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function run(options: Options): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("Cannot measure here: CPU time is read from /proc, which only Linux has");
  const directory = mkdtempSync(join(tmpdir(), "keyplane-bench-"));
  const processes = new Processes(directory);
  // Whatever is awaited then rejects, and the way out is the same as for any failure.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void processes.stopAll());
  const databases = options.referencesOnly ? undefined : await openDatabases(options.databaseUrl);
  try {
    const upstream = processes.fork(
      new URL("./upstream.js", import.meta.url),
      String(options.paceMs),
    );
    const upstreamPort = Number(await nextMessage(upstream));
    const load = processes.fork(new URL("./load.js", import.meta.url));
    for (const name of options.scenarios)
      await runScenario({ options, processes, load, upstreamPort, databases }, name);
  } finally {
    await processes.stopAll();
    await databases?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runScenario(bench: Bench, name: ScenarioName): Promise<void> {
  const { options, processes, load, upstreamPort, databases } = bench;
  if (name === "journal") {
    if (databases) console.log(await journalVerdicts(bench, await databases.next()));
    return;
  }
  if (name === "translate") return console.log(await describeTranslation());
  const scenario = name === "stream" ? streamScenario(options.chunks) : chatScenario();
  const gateways =
    databases && (await startGateway(processes, upstreamPort, await databases.next()));
  if (name === "memory") {
    if (gateways) console.log(await describeMemory(load, gateways.plain, scenario));
  } else {
    const references = await startReferences(bench, { buffering: name === "chat" });
    const contenders = gateways ? [...references, gateways.plain, gateways.limited] : references;
    console.log(
      describeComparison(scenario, contenders, await compare(load, contenders, scenario, options)),
    );
    for (const reference of references) await reference.stop();
  }
  if (!gateways) return;
  for (const gateway of [gateways.plain, gateways.limited])
    if (gateway.answered > 0) console.log(await checkSpend(gateway, scenario));
  await gateways.plain.stop();
}

/** Beside the bare proxy, measured in the same minute: microseconds alone would be the machine's. */
async function journalVerdicts(bench: Bench, databaseUrl: string): Promise<string> {
  const { processes, load, upstreamPort, options } = bench;
  const bareProxy = await startBareProxy(processes, upstreamPort);
  const length = { rounds: 3, seconds: options.seconds };
  const [rounds = []] = await compare(load, [bareProxy], chatScenario(), length);
  await bareProxy.stop();
  const bareMicros = median(rounds.map(({ cpuMicros }) => cpuMicros));
  return describeJournal({ directory: processes.directory, databaseUrl, bareMicros });
}

/** The baseline first, then nginx where it is installed. */
async function startReferences(
  { processes, upstreamPort }: Bench,
  buffering: { buffering: boolean },
): Promise<Contender[]> {
  const bareProxy = await startBareProxy(processes, upstreamPort);
  return hasNginx()
    ? [bareProxy, await startNginx(processes, upstreamPort, buffering)]
    : [bareProxy];
}
