import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { createLogger } from "../log.ts";
import type { SpendRow } from "../store/spend.ts";
import type { Answer } from "../providers/call.ts";
import type { Attempt, Call } from "./call.ts";
import { ClientWatch } from "./client-watch.ts";
import type { Gateway } from "./gateway.ts";
import { reply } from "./reply.ts";

/** A response that takes the head and then fails on what `failsOn` names. */
function faultyResponse(failsOn: "writeHead" | "end" | "flushHeaders") {
  const response = Object.assign(new EventEmitter(), {
    headersSent: false,
    writableEnded: false,
    destroyed: false,
    writeHead() {
      response.headersSent = failsOn !== "writeHead";
      return response;
    },
    write: () => true,
    end: () => response,
    flushHeaders: () => undefined,
    destroy() {
      response.destroyed = true;
    },
    [failsOn]() {
      response.headersSent = failsOn !== "writeHead";
      throw new Error(`cannot ${failsOn}`);
    },
  });
  return response;
}

test.each([
  ["writeHead", false, false],
  ["end", false, true],
  ["writeHead", true, false],
  ["flushHeaders", true, true],
] as const)(
  "a fault in %s (stream: %s) is one failed row, the upstream is stopped, and no half reply is left open",
  async (failsOn, isStream, isDestroyed) => {
    const rows: SpendRow[] = [];
    let aborts = 0;
    const response = faultyResponse(failsOn);
    const answer: Answer = {
      status: 200,
      headers: { "content-type": isStream ? "text/event-stream" : "application/json" },
      read(reader) {
        if (isStream) return;
        reader.onData(Buffer.from('{"usage":{"prompt_tokens":1}}'), () => undefined);
        reader.onEnd();
      },
      abort() {
        aborts += 1;
      },
    };
    const gateway = {
      ledger: { record: (row: SpendRow) => rows.push(row) },
      logger: createLogger({ verbose: false, silent: true }),
    } as unknown as Gateway;
    const call = {
      isStream,
      asked: "gpt",
      group: { name: "gpt" },
      caller: {},
      request: {},
      startedAtMs: 0,
      response: response as unknown as ServerResponse,
      client: new ClientWatch(response as unknown as ServerResponse),
    } as Call;
    const attempt = { deployment: { id: "one" }, retries: 0, sentAtMs: 0 } as Attempt;

    await expect(reply(gateway, call, { attempt, answer })).rejects.toThrow(`cannot ${failsOn}`);

    expect(rows).toMatchObject([{ status: "failure", error_code: "internal", cost: "0" }]);
    expect(aborts).toBe(1);
    expect(response.destroyed).toBe(isDestroyed);
  },
);
