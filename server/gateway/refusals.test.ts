import { expect, test } from "vitest";
import { Ledger } from "../ledger/ledger.ts";
import { serve } from "../serve.ts";
import { expectError, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf } from "../testing/reply.ts";
import type { Deps } from "../deps.ts";

/** The same gateway once more, at an address of its own, with something in it changed. */
async function serveAgain(deps: Deps) {
  const serving = await serve(deps, { host: "127.0.0.1", port: 0 });
  return { url: serving.url, [Symbol.asyncDispose]: serving.drain };
}

/** A ledger with room for one row, which nothing brings to the database until it is flushed. */
function ledgerOfOne({ deps }: TestGateway) {
  const ledger = new Ledger(deps.database.sql, deps.logger, {
    flushIntervalMs: 3_600_000,
    capacity: 1,
  });
  return Object.assign(ledger, { [Symbol.dispose]: () => ledger.close() });
}

test("a call whose spend has nowhere to wait is refused before any upstream hears of it, until there is room", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  using ledger = ledgerOfOne(gateway);
  const { deps } = gateway;
  await using again = await serveAgain({ ...deps, gateway: { ...deps.gateway, ledger } });
  const chat = () =>
    fetch(`${again.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: "gpt", messages: [{ role: "user", content: "Hi" }] }),
    });
  const first = await chat();
  expect(first.status).toBe(200);
  await first.text();
  await deps.gateway.background.settled();

  const refused = await chat();
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await expectError(refused, { status: 503, type: "service_unavailable", code: "ledger_full" });
  expect(gateway.upstream.calls).toHaveLength(1);

  await ledger.flush();
  const last = await chat();
  expect(last.status).toBe(200);
  await last.text();
  expect(gateway.upstream.calls).toHaveLength(2);
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
