import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import { expectError } from "../testing/gateway.ts";
import { startMediaGateway } from "../testing/media-gateway.ts";

const asked = { model: "rank", query: "cats", documents: ["a cat", { text: "a dog" }] };

test("a reranking costs the searches that are billed", async () => {
  await using gateway = await startMediaGateway();

  const response = await gateway.request("POST", "/v1/rerank", { body: asked });

  expect(await response.json()).toMatchObject({ results: [{ index: 0 }] });
  expect(response.headers.get("x-litellm-response-cost")).toBe("0.004");
  expect(gateway.upstream.calls[0]).toMatchObject({
    path: "/v1/rerank",
    body: { ...asked, model: "rerank-v3.5" },
  });
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.004,
    usage: { units: { searches: 2 } },
  });
});

test("a reranking that is priced by tokens costs those that are reported, as Jina and vLLM do", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { model: "jina-reranker", results: [], usage: { total_tokens: 815 } }),
  );

  const response = await gateway.request("POST", "/rerank", {
    body: { ...asked, model: "token-rank" },
  });

  expect(await response.json()).toMatchObject({ model: "token-rank" });
  expect(await gateway.lastRow()).toMatchObject({ spend: 0.0000163, usage: { input: 815 } });
});

test("searches that nobody reports are estimated by the documents", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) => sendJson(response, { results: [] }));
  const documents = Array.from({ length: 101 }, (_, index) => `document ${index}`);

  await gateway.request("POST", "/v1/rerank", { body: { ...asked, documents } });

  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.004,
    estimated: true,
    usage: { units: { searches: 2 } },
  });
});

test("what is no request for a reranking is refused", async () => {
  await using gateway = await startMediaGateway();

  for (const [body, param] of [
    [{ model: "rank", documents: ["a"] }, "query"],
    [{ model: "rank", query: "a", documents: [] }, "documents"],
    [{ query: "a", documents: ["a"] }, "model"],
  ] as const)
    await expectError(await gateway.request("POST", "/v1/rerank", { body }), {
      status: 400,
      type: "invalid_request_error",
      param,
    });
});

test("a moderation is free where the config says so, and unknown where nobody does", async () => {
  await using gateway = await startMediaGateway();

  const moderation = await gateway.client.moderations.create({
    model: "free-moderation",
    input: "Hi",
  });
  expect(moderation).toMatchObject({ model: "free-moderation", results: [{ flagged: false }] });
  expect(await gateway.lastRow()).toMatchObject({ spend: 0 });

  await gateway.client.moderations.create({
    model: "moderation",
    input: [{ type: "text", text: "Hi" }],
  });
  expect(await gateway.lastRow()).toMatchObject({ spend: null });
});
