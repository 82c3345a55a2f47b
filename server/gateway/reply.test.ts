import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { createLogger } from "../log.ts";
import type { Settlement } from "../ledger/attempt-json.ts";
import type { Answer } from "../providers/call.ts";
import type { Attempt, Call } from "./call.ts";
import { ClientWatch } from "./client-watch.ts";
import { endpoints } from "./endpoints.ts";
import { estimatedUsage } from "./estimate.ts";
import { Permit } from "./permit.ts";
import { RecentOutputs } from "./recent-outputs.ts";
import { freeRates } from "../providers/prices.ts";
import type { Gateway } from "./gateway.ts";
import { reply } from "./reply.ts";
import { Sent } from "./sent.ts";

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

const failed = { status: "failure", errorCode: "internal", cost: 0n };

/** The upstream's work was done by then: it is charged, though the client was not told. */
const charged = { status: "success", errorCode: null, cost: 5n };

test.each([
  ["writeHead", false, charged, 0, false],
  ["end", false, charged, 0, true],
  ["writeHead", true, failed, 1, false],
  ["flushHeaders", true, failed, 1, true],
] as const)(
  "a fault in %s (stream: %s) is one row, the upstream does not go on, and no half reply is left open",
  async (failsOn, isStream, row, abortsExpected, isDestroyed) => {
    const rows: Settlement[] = [];
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
      ledger: { settle: async (_entry: unknown, settled: Settlement) => rows.push(settled) },
      metrics: { attempt: () => undefined },
      treasury: {},
      logger: createLogger({ verbose: false, silent: true }),
    } as unknown as Gateway;
    const call = {
      isStream,
      endpoint: endpoints[0],
      asked: "gpt",
      group: { name: "gpt" },
      caller: {},
      sent: new Sent(Buffer.from("{}"), undefined, { model: "gpt" }, () => ({ model: "gpt" })),
      showsUsage: false,
      askedCap: undefined,
      startedAtMs: 0,
      history: new RecentOutputs().of("key_1", "gpt"),
      permit: new Permit({
        estimate: estimatedUsage(0, 0),
        slot: undefined,
        standings: [],
        hold: undefined,
        outputCap: undefined,
      }),
      response: response as unknown as ServerResponse,
      client: new ClientWatch(response as unknown as ServerResponse),
    } as Call;
    const rates = { ...freeRates, input: 5n };
    const attempt = { deployment: { id: "one", rates }, retries: 0, sentAtMs: 0 } as Attempt;

    await expect(
      reply(gateway, call, { attempt, received: { kind: "bytes", answer }, dropped: [] }),
    ).rejects.toThrow(`cannot ${failsOn}`);

    expect(rows).toMatchObject([row]);
    expect(aborts).toBe(abortsExpected);
    expect(response.destroyed).toBe(isDestroyed);
  },
);
