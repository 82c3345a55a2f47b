import { expect, test } from "vitest";
import { startGateway } from "../testing/gateway.ts";

const origin = "https://app.example";

test("a page of another origin may ask, with its SDK's headers, and read the answer", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const asked = "authorization,content-type,x-stainless-os,anthropic-version";

  const preflight = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": asked,
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-headers")).toBe(asked);

  for (const [method, path, body] of [
    ["POST", "/v1/chat/completions", { model: "gpt", messages: [{ role: "user", content: "Hi" }] }],
    ["POST", "/v1/chat/completions", { model: "none" }],
    ["GET", "/v1/models", undefined],
  ] as const) {
    const response = await gateway.request(method, path, { key, body, headers: { origin } });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("x-request-id") ?? response.status).toBeTruthy();
  }
});

test("the control plane lets no page of another origin read it", async () => {
  await using gateway = await startGateway();

  const info = await gateway.request("GET", "/key/list", { headers: { origin } });
  const preflight = await fetch(`${gateway.url}/key/generate`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });

  expect(info.headers.get("access-control-allow-origin")).toBeNull();
  expect(preflight.status).toBe(405);
});
