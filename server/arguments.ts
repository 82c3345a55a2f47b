import { parseArgs } from "node:util";

export interface Arguments {
  readonly command: "serve" | "check" | "help" | "version";
  readonly config: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly allowUnauthenticated: boolean;
}

export const usage = `Usage: keyplane [serve] [options]    serve the models of a config file
       keyplane check [options]      tell every fault of a config file

Options:
  --config FILE              the config file (default: config.yaml)
  --host HOST                the address to listen on (default: 127.0.0.1)
  --port PORT                the port to listen on; 0 takes any free one (default: 8000)
  --data-dir DIR             where the embedded database and a generated master key are kept (default: .keyplane)
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
    allowUnauthenticated: values["allow-unauthenticated"],
  };
}

function commandOf([command = "serve", ...rest]: readonly string[]): "serve" | "check" {
  if (rest.length > 0) throw new Error(`Cannot make sense of "${rest[0]}": one command is enough`);
  if (command === "serve" || command === "check") return command;
  throw new Error(`Unknown command "${command}": expected serve or check`);
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`Cannot use "${text}" as a port: expected a number from 0 to 65535`);
}
