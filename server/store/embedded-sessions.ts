import type { MessagePort } from "node:worker_threads";
import {
  encodeFatal,
  encodeQuery,
  encodeSync,
  FrontendFramer,
  readReply,
} from "./wire-protocol.ts";

/** Runs one batch of whole messages on the engine and answers with whole messages. */
export type Execute = (batch: Uint8Array) => Promise<Uint8Array>;

/** A turn on the engine: something a connection asked for, or its end. */
type Turn = { session: Session; batch: Uint8Array } | { session: Session; batch: undefined };

interface Session {
  readonly port: MessagePort;
  readonly framer: FrontendFramer;
  gathered: Uint8Array[];
}

/** After these the client waits for an answer: Sync, Query, Flush, CopyDone, CopyFail, and the startup message. */
const batchEnds = new Set(["S", "Q", "H", "c", "f", "startup"]);

/**
 * Many connections over an engine that has one session.
 *
 * A connection owns the engine from its first batch until ReadyForQuery says idle, so nobody else's statement
 * lands inside its transaction or between its Parse and its Execute; the others wait in the order they came.
 * Prepared statements outlive their connection: postgres.js gives them random names, and a pool over this
 * engine does not recycle connections, so the few left behind are not worth a Close of each.
 */
export class EmbeddedSessions {
  readonly #execute: Execute;
  readonly #sessions = new Set<Session>();
  readonly #turns: Turn[] = [];
  #owner: Session | undefined;
  #running: Promise<void> | undefined;

  constructor(execute: Execute) {
    this.#execute = execute;
  }

  /** One port is one connection, in Postgres's wire protocol. */
  connect(port: MessagePort): void {
    const session: Session = { port, framer: new FrontendFramer(), gathered: [] };
    this.#sessions.add(session);
    port.on("message", (piece: Uint8Array) => this.#receive(session, piece));
    port.on("close", () => this.#end(session));
  }

  /** Ends every connection, rolls back what was open, and resolves when the engine is idle. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.port.close();
    for (const session of this.#sessions) this.#end(session);
    await this.#running;
  }

  #receive(session: Session, piece: Uint8Array): void {
    try {
      for (const { type, bytes } of session.framer.push(piece)) this.#accept(session, type, bytes);
    } catch (error) {
      this.#abort(session, "08P01", error);
    }
  }

  #accept(session: Session, type: string, bytes: Uint8Array): void {
    if (type === "encryption-request") return session.port.postMessage(Buffer.from("N"), []);
    // A statement cannot be interrupted here, and Terminate is followed by the port's close.
    if (type === "cancel-request" || type === "X") return session.port.close();
    session.gathered.push(bytes);
    if (!batchEnds.has(type)) return;
    this.#turns.push({ session, batch: Buffer.concat(session.gathered) });
    session.gathered = [];
    this.#run();
  }

  #end(session: Session): void {
    if (!this.#sessions.delete(session)) return;
    this.#turns.push({ session, batch: undefined });
    this.#run();
  }

  #run(): void {
    this.#running ??= this.#serve().finally(() => {
      this.#running = undefined;
    });
  }

  async #serve(): Promise<void> {
    for (let turn = this.#next(); turn; turn = this.#next()) {
      // One at a time is the point: the engine has one session.
      if (turn.batch) await this.#answer(turn.session, turn.batch);
      else await this.#release(turn.session);
    }
  }

  #next(): Turn | undefined {
    const index = this.#owner ? this.#turns.findIndex(({ session }) => session === this.#owner) : 0;
    return index === -1 ? undefined : this.#turns.splice(index, 1)[0];
  }

  async #answer(session: Session, batch: Uint8Array): Promise<void> {
    this.#owner = session;
    try {
      const { own, notifications, status } = readReply(await this.#execute(batch));
      for (const notification of notifications) this.#broadcast(notification);
      session.port.postMessage(own, []);
      if (status === "I") this.#owner = undefined;
    } catch (error) {
      this.#abort(session, "58000", error);
    }
  }

  async #release(session: Session): Promise<void> {
    if (this.#owner !== session) return;
    this.#owner = undefined;
    try {
      // Sync first: after an error the engine skips everything up to it, a rollback too.
      await this.#execute(encodeSync());
      await this.#execute(encodeQuery("rollback"));
    } catch (error) {
      for (const other of this.#sessions) this.#abort(other, "58000", error);
    }
  }

  #broadcast(notification: Uint8Array): void {
    for (const { port } of this.#sessions) port.postMessage(Buffer.from(notification), []);
  }

  #abort(session: Session, code: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    session.port.postMessage(encodeFatal(code, reason), []);
    session.port.close();
  }
}
