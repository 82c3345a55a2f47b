import { expect, test } from "vitest";
import { startGateway } from "../testing/gateway.ts";

test("a call by a virtual key is answered, and its cost is the key's spend to the picodollar", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ models: ["gpt"] });

  const response = await gateway.chat(key);

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    model: "gpt",
    choices: [{ message: { content: "Hello there" } }],
  });
  expect(gateway.upstream.calls).toMatchObject([
    { path: "/v1/chat/completions", body: { model: "gpt-real" } },
  ]);
  expect(gateway.upstream.calls[0]?.headers["authorization"]).toBe("Bearer upstream-secret");
  expect(await gateway.spendOf(key)).toBe(0.002);
});
