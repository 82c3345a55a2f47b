import { parseArgs } from "node:util";

const scenarioNames = ["chat", "stream", "crowd", "translate", "memory", "journal"] as const;

export type ScenarioName = (typeof scenarioNames)[number];

export interface Options {
  scenarios: readonly ScenarioName[];
  laps: number;
  rounds: number;
  seconds: number;
  chunks: number;
  paceMs: number;
  /** Absent: the bench starts a Postgres of its own. */
  databaseUrl: string | undefined;
  /** Measure only the bare proxy and nginx: is this machine quiet enough? */
  referencesOnly: boolean;
}

export function readOptions(programArguments: string[]): Options {
  const { values } = parseArgs({
    args: programArguments,
    options: {
      scenario: { type: "string", default: "all" },
      laps: { type: "string", default: "3" },
      rounds: { type: "string", default: "4" },
      seconds: { type: "string", default: "2" },
      chunks: { type: "string", default: "200" },
      "pace-ms": { type: "string", default: "5" },
      "database-url": { type: "string" },
      "references-only": { type: "boolean", default: false },
    },
  });
  return {
    scenarios: scenariosOf(values.scenario),
    laps: atLeastOne("laps", values.laps),
    rounds: atLeastOne("rounds", values.rounds),
    seconds: atLeastOne("seconds", values.seconds),
    chunks: atLeastOne("chunks", values.chunks),
    paceMs: atLeastOne("pace-ms", values["pace-ms"]),
    databaseUrl: values["database-url"],
    referencesOnly: values["references-only"],
  };
}

function scenariosOf(text: string): readonly ScenarioName[] {
  if (text === "all") return scenarioNames;
  const named = scenarioNames.filter((name) => name === text);
  if (named.length === 0)
    throw new Error(`Cannot run scenario "${text}": there are ${scenarioNames.join(", ")} and all`);
  return named;
}

function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`Cannot use "${text}" as --${name}: it must be a whole number from 1`);
  return value;
}
