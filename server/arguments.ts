import { parseArgs } from "node:util";

export interface Arguments {
  readonly command: Command | "help" | "version";
  readonly config: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Processes that serve. */
  readonly workers: number;
  readonly allowUnauthenticated: boolean;
}

export const usage = `Usage: keyplane [serve] [options]    serve the models of a config file
       keyplane check [options]      tell every fault of a config file
       keyplane verify [options]     add up all spend again and tell every sum that differs

Options:
  --config FILE              the config file (default: config.yaml)
  --host HOST                the address to listen on (default: 127.0.0.1)
  --port PORT                the port to listen on; 0 takes any free one (default: 8000)
  --data-dir DIR             where the embedded database and a generated master key are kept (default: .keyplane)
  --workers N                how many processes serve on the port; more than one need database_url (default: 1)
  --allow-unauthenticated    listen beyond this machine although the config has no master key
  --help                     show this
  --version                  show the version
`;

/** Reads the command line. @throws Error that says what is wrong with it. */
export function parseArguments(words: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      config: { type: "string", default: "config.yaml" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8000" },
      "data-dir": { type: "string", default: ".keyplane" },
      workers: { type: "string", default: "1" },
      "allow-unauthenticated": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      version: { type: "boolean", short: "v", default: false },
    },
  });
  return {
    command: values.help ? "help" : values.version ? "version" : commandOf(positionals),
    config: values.config,
    host: values.host,
    port: portOf(values.port),
    dataDir: values["data-dir"],
    workers: workersOf(values.workers),
    allowUnauthenticated: values["allow-unauthenticated"],
  };
}

const commands = ["serve", "check", "verify"] as const;
type Command = (typeof commands)[number];

function commandOf([asked = "serve", ...rest]: readonly string[]): Command {
  if (rest.length > 0) throw new Error(`Cannot make sense of "${rest[0]}": one command is enough`);
  const command = commands.find((name) => name === asked);
  if (command) return command;
  throw new Error(`Unknown command "${asked}": expected ${commands.join(", ")}`);
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`Cannot use "${text}" as a port: expected a number from 0 to 65535`);
}

/** More than a large machine has cores: a slip of the finger must not start ten thousand. */
const mostWorkers = 256;

function workersOf(text: string): number {
  const workers = Number(text);
  if (/^\d+$/.test(text) && workers >= 1 && workers <= mostWorkers) return workers;
  throw new Error(`Cannot start "${text}" workers: expected a number from 1 to ${mostWorkers}`);
}
