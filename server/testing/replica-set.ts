import { createDatabase } from "./create-database.ts";
import { masterKey, simpleConfig } from "./gateway.ts";
import { type GatewayProcess, startGatewayProcess, temporaryDirectory } from "./gateway-process.ts";
import type { PostgresServer } from "./postgres-servers.ts";
import { bodyOf } from "./reply.ts";

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
    async generateKey(fields) {
      const response = await fetch(`${next()}/key/generate`, {
        method: "POST",
        headers: { authorization: `Bearer ${masterKey}` },
        body: JSON.stringify({ duration: "1d", ...fields }),
      });
      if (!response.ok) throw new Error(await response.text());
      return String((await bodyOf(response))["key"]);
    },
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
