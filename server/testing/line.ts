import { setTimeout as sleep } from "node:timers/promises";
import { type Database, openDatabase } from "../store/database.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** A second connection to a database, over a line that a test can break. */
export interface Line extends AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly database: Database;
  /** Breaks every connection, and waits until that is noticed. */
  cut(): Promise<void>;
}

/** @throws Error for the embedded database, to which no line leads */
export async function openLine(url: string | undefined, poolSize = 4): Promise<Line> {
  if (url === undefined) throw new Error("Cannot break the line to a database that has none");
  const proxy = await startTcpProxy(url);
  const database = await openDatabase({ url: proxy.url, dataDir: "", poolSize, prepare: true });
  return {
    proxy,
    database,
    async cut() {
      await proxy.cut();
      // What is asked between a connection's error and its end the driver neither answers nor refuses.
      await sleep(50);
    },
    async [Symbol.asyncDispose]() {
      await database.sql.end({ timeout: 0 });
      await proxy.cut();
    },
  };
}
