import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Agent } from "./agent.ts";
import type { ModelName, RunningGateway } from "./gateway.ts";
import type { Outside } from "./outside.ts";
import { type Ended, runProgram } from "./run-program.ts";

/** More than any of them takes to start and to give up on a budget. */
const limitMs = 240_000;

interface Place {
  readonly gateway: RunningGateway;
  readonly outside: Outside;
  readonly directory: string;
}

interface Run {
  readonly program: string;
  readonly model: ModelName;
  readonly key: string;
  /** Of the project: name → text. */
  readonly files: Readonly<Record<string, string>>;
}

/** Runs an agent once, with a home and a project of its own. */
export async function runAgent(
  { gateway, outside, directory }: Place,
  agent: Agent,
  { program, model, key, files }: Run,
): Promise<Ended> {
  const place = await mkdtemp(join(directory, "run-"));
  const home = join(place, "home");
  const project = join(place, "project");
  const setting = { url: gateway.url, key, model, home, project };
  const {
    words,
    environment,
    files: settings = {},
  } = agent.launch(setting, "Which word is in the file?");
  const inProject = Object.entries(files).map(([name, text]) => [join(project, name), text]);
  await writeAll({ ...Object.fromEntries(inProject), ...settings });
  await Promise.all([home, project].map((path) => mkdir(path, { recursive: true })));
  return runProgram(program, words, {
    directory: project,
    environment: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      ...outside.environment,
      ...environment,
    },
    limitMs,
  });
}

async function writeAll(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
