import { expect, test } from "vitest";
import { serve } from "../serve.ts";
import { expectError, simpleConfig, startGateway } from "../testing/gateway.ts";
import { bodyOf } from "../testing/reply.ts";
import type { Deps } from "../deps.ts";

/** The same gateway once more, at an address of its own, with something in it changed. */
async function serveAgain(deps: Deps) {
  const serving = await serve(deps, { host: "127.0.0.1", port: 0 });
  return { url: serving.url, [Symbol.asyncDispose]: serving.drain };
}

/** Room in the journal for a few calls. */
function smallJournal(url: string): string {
  return `${simpleConfig(url).replace("flush_interval_ms: 50", "flush_interval_ms: 1000")}  journal_max_mb: 0.004\n`;
}

test("a call that cannot be written down is refused before any upstream hears of it, until there is room", async () => {
  await using gateway = await startGateway({ config: smallJournal });
  const key = await gateway.generateKey();
  const before = await gateway.chat(key);
  expect(before.status).toBe(200);

  let refused = before;
  while (refused.status === 200) {
    await refused.text();
    refused = await gateway.chat(key);
  }

  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await expectError(refused, { status: 503, type: "service_unavailable", code: "ledger_full" });
  const { calls } = gateway.upstream;
  const made = calls.length;
  expect(made).toBeGreaterThan(1);
  expect(await gateway.spendLogs()).toHaveLength(made);
  expect((await gateway.chat(key)).status).toBe(200);
});

test("where the config prefers serving to accounting, such a call goes on, and one with a budget does not", async () => {
  await using gateway = await startGateway({
    config: (url) => `${smallJournal(url)}  journal_full: drop\n`,
  });
  const [key, budgeted] = [
    await gateway.generateKey(),
    await gateway.generateKey({ max_budget: 1 }),
  ];
  for (let call = 0; call < 10; call += 1) expect((await gateway.chat(key)).status).toBe(200);

  const refused = await gateway.chat(budgeted);

  await expectError(refused, { status: 503, type: "service_unavailable", code: "ledger_full" });
  const { dropped } = gateway.deps.gateway.ledger;
  expect(dropped).toBeGreaterThan(0);
  expect(await gateway.spendLogs()).toHaveLength(10 - dropped);
});

test("a gateway that shuts down is not ready, though alive", async () => {
  await using gateway = await startGateway();
  const stopping = { isSet: false };
  await using again = await serveAgain({ ...gateway.deps, isDraining: () => stopping.isSet });
  const health = (name: string) => fetch(`${again.url}/health/${name}`);
  expect(await bodyOf(await health("readiness"))).toMatchObject({ status: "ready" });

  stopping.isSet = true;

  await expectError(await health("readiness"), {
    status: 503,
    type: "service_unavailable",
    code: "draining",
  });
  expect((await health("liveliness")).status).toBe(200);
});
