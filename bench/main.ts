/** `npm run bench`: what the gateway costs beside the least that a proxy can cost. See README.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBareProxy } from "./contenders.ts";
import { openDatabases } from "./database.ts";
import { startGateway } from "./gateway.ts";
import { describeJournal } from "./journal.ts";
import { type Field, runLaps } from "./laps.ts";
import { compare, warmUp } from "./measure.ts";
import { describeMemory } from "./memory.ts";
import { type Options, readOptions, type ScenarioName } from "./options.ts";
import { nextMessage, Processes } from "./processes.ts";
import { describeComparison, median } from "./report.ts";
import { checkSpend } from "./spend.ts";
import { describeTranslation } from "./translate.ts";
import { chatScenario, crowdScenario, type Scenario, streamScenario } from "./wire.ts";

interface Bench extends Field {
  options: Options;
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
  const { options, databases } = bench;
  switch (name) {
    case "chat":
      return compareAll(bench, chatScenario());
    case "stream":
      return compareAll(bench, streamScenario(options.chunks));
    case "crowd":
      return compareAll(bench, crowdScenario());
    case "translate":
      return console.log(await describeTranslation());
    case "memory":
      if (databases) await watchMemory(bench, await databases.next());
      return;
    case "journal":
      if (databases) console.log(await journalVerdicts(bench, await databases.next()));
      return;
  }
}

async function compareAll(bench: Bench, scenario: Scenario): Promise<void> {
  const { series, accounts } = await runLaps(bench, scenario, bench.options);
  console.log([describeComparison(scenario, series), ...accounts].join("\n"));
}

async function watchMemory(bench: Bench, databaseUrl: string): Promise<void> {
  const { processes, load, upstreamPort } = bench;
  const { plain } = await startGateway(processes, upstreamPort, databaseUrl);
  console.log(await describeMemory(load, plain, chatScenario()));
  console.log(await checkSpend(plain, chatScenario()));
  await plain.stop();
}

/** Beside the bare proxy, measured in the same minute: microseconds alone would be the machine's. */
async function journalVerdicts(bench: Bench, databaseUrl: string): Promise<string> {
  const { processes, load, upstreamPort, options } = bench;
  const bareProxy = await startBareProxy(processes, upstreamPort);
  const length = { rounds: 3, seconds: options.seconds };
  await warmUp(load, bareProxy, chatScenario(), length);
  const [rounds = []] = await compare(load, [bareProxy], chatScenario(), length);
  await bareProxy.stop();
  const bareMicros = median(rounds.map(({ cpuMicros }) => cpuMicros));
  return describeJournal({ directory: processes.directory, databaseUrl, bareMicros });
}
