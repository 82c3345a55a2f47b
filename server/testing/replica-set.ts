import { createDatabase } from "./create-database.ts";
import { simpleConfig } from "./gateway.ts";
import { type GatewayProcess, startGatewayProcess, temporaryDirectory } from "./gateway-process.ts";
import { generateKey } from "./generate-key.ts";
import type { PostgresServer } from "./postgres-servers.ts";

/** Gateways as processes of their own on one database. They end with the block that holds them: `await using`. */
export interface ReplicaSet extends AsyncDisposable {
  /** Of one replica after the other. */
  next(): string;
  readonly databaseUrl: string;
  /** POST /key/generate; answers with the secret. */
  generateKey(fields: Readonly<Record<string, unknown>>): Promise<string>;
}

export interface ReplicaSetOptions {
  readonly server: PostgresServer;
  readonly count: number;
  readonly upstreamUrl: string;
  /** Lines of `general_settings`, such as `limits: per_replica`. */
  readonly settings: readonly string[];
}

export async function startReplicas(options: ReplicaSetOptions): Promise<ReplicaSet> {
  const { server, count, upstreamUrl, settings } = options;
  const database = await createDatabase(server.url, { template: server.template });
  const lines = [`database_url: ${database.url}`, ...settings].map((line) => `  ${line}\n`);
  const config = simpleConfig(upstreamUrl) + lines.join("");
  const started = await Promise.all(Array.from({ length: count }, () => startAlone(config)));
  let turn = 0;
  const next = () => {
    turn += 1;
    return started[turn % count]?.gateway.url ?? "";
  };
  return {
    next,
    databaseUrl: database.url,
    generateKey: (fields) => generateKey(next(), fields),
    async [Symbol.asyncDispose]() {
      for (const { gateway, directory } of started) {
        await gateway[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      }
      await database.drop();
    },
  };
}

async function startAlone(config: string): Promise<{
  gateway: GatewayProcess;
  directory: AsyncDisposable;
}> {
  const directory = await temporaryDirectory();
  const gateway = await startGatewayProcess(config, [], { directory: directory.path });
  return { gateway, directory };
}
