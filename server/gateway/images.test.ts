import { expect, test } from "vitest";
import { imageUsage } from "../testing/fake-media.ts";
import { openStream, sendJson } from "../testing/fake-upstream.ts";
import { expectError, masterKey } from "../testing/gateway.ts";
import { startMediaGateway } from "../testing/media-gateway.ts";
import { parseMetrics } from "../testing/metrics-page.ts";

test("images that are priced by the piece cost what came, whatever was asked for", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { created: 1, data: [{ url: "a" }, { url: "b" }] }),
  );

  const images = await gateway.client.images.generate({ model: "picture", prompt: "A cat", n: 3 });

  expect(images.data).toHaveLength(2);
  expect(gateway.upstream.calls[0]).toMatchObject({
    path: "/v1/images/generations",
    body: { model: "dall-e-3", prompt: "A cat", n: 3 },
  });
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.08,
    usage: { input: 0, output: 0, units: { images: 2 } },
    estimated: false,
    status: "success",
  });
});

test("images that are priced by tokens cost what was reported, those of images at their own price", async () => {
  await using gateway = await startMediaGateway();

  const { response } = await gateway.client.images
    .generate({ model: "gpt-image", prompt: "A cat" })
    .withResponse();

  // 10 tokens at 5 USD and 1,056 at 40 USD a million.
  expect(response.headers.get("x-litellm-response-cost")).toBe("0.04229");
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.04229,
    usage: { input: 10, output: 1056, units: { images: 1, output_image_tokens: 1056 } },
    price_source: "genai-prices",
  });
});

test("images show in the metrics by their number, and chats show nothing there", async () => {
  await using gateway = await startMediaGateway();
  await gateway.client.images.generate({ model: "gpt-image", prompt: "A cat" });
  await (await gateway.chat(masterKey, { model: "only-chat" })).text();

  const units = async () => {
    const page = parseMetrics(await (await gateway.request("GET", "/metrics")).text());
    const lines = [...page].filter(([name]) => name.startsWith("keyplane_units_total{"));
    return lines.map(([name, value]) => [/unit="(\w+)"/.exec(name)?.[1], value]);
  };
  await expect.poll(units).toEqual([
    ["images", 1],
    ["output_image_tokens", 1056],
  ]);
});

test("images that nothing prices cost nobody knows what", async () => {
  await using gateway = await startMediaGateway();

  const response = await gateway.request("POST", "/images/generations", {
    body: { model: "unpriced", prompt: "A cat" },
  });

  expect(response.status).toBe(200);
  expect(response.headers.get("x-litellm-response-cost")).toBeNull();
  expect(await gateway.lastRow()).toMatchObject({ spend: null, usage: { units: { images: 1 } } });
});

test("a large reply passes through as it came, and its images are counted without being parsed", async () => {
  await using gateway = await startMediaGateway();
  const body = `{ "data" : [ {"b64_json":"${"A".repeat(3_000_000)}"}, {"b64_json":"]},{"}\n],"created":1}`;
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  });

  const response = await gateway.request("POST", "/v1/images/generations", {
    body: { model: "picture", prompt: "Two cats" },
  });

  expect(await response.text()).toBe(body);
  expect(await gateway.lastRow()).toMatchObject({ usage: { units: { images: 2 } }, spend: 0.08 });
});

test("a stream of images shows its usage, and is charged by it", async () => {
  await using gateway = await startMediaGateway();

  const stream = await gateway.client.images.generate({
    model: "gpt-image",
    prompt: "A cat",
    stream: true,
    partial_images: 1,
  });
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);

  expect(types).toEqual(["image_generation.partial_image", "image_generation.completed"]);
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.04229,
    usage: { input: 10, output: 1056, units: { images: 1 } },
    streamed: true,
  });
});

test("of a stream that its upstream breaks off, the images that were completed are charged", async () => {
  await using gateway = await startMediaGateway();
  const completed = { type: "image_generation.completed", b64_json: "AAAA", usage: imageUsage };
  let images = 1;
  gateway.upstream.answer((_call, response) => {
    openStream(response, `data: ${JSON.stringify(completed)}\n\n`.repeat(images));
    setTimeout(() => response.destroy(), 50);
  });
  const send = async () => {
    const body = { model: "gpt-image", prompt: "Cats", n: 2, stream: true };
    return (await gateway.request("POST", "/v1/images/generations", { body })).text();
  };

  expect(await send()).toMatch(/event: error\ndata: \{"error":.*\n\n$/);
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.04229,
    status: "failure",
    usage: { units: { images: 1 } },
  });

  images = 0;
  expect(await send()).toMatch(/^event: error/);
  expect(await gateway.lastRow()).toMatchObject({ spend: 0, status: "failure", usage: null });
});

test("a model in the path is called, on Azure's routes and without /v1", async () => {
  await using gateway = await startMediaGateway();

  for (const path of [
    "/openai/deployments/picture/images/generations",
    "/engines/picture/images/generations",
  ])
    expect((await gateway.request("POST", path, { body: { prompt: "A cat" } })).status).toBe(200);

  expect(gateway.upstream.calls.map(({ body }) => body["model"])).toEqual(["dall-e-3", "dall-e-3"]);
});

test("what is no request for images is refused, and so is a model that makes none", async () => {
  await using gateway = await startMediaGateway();
  const invalid = { status: 400, type: "invalid_request_error" };
  const send = (body: object) => gateway.request("POST", "/v1/images/generations", { body });

  await expectError(await send({ prompt: "A cat" }), { ...invalid, param: "model" });
  await expectError(await send({ model: "picture" }), { ...invalid, param: "prompt" });
  await expectError(await send({ model: "picture", prompt: "A cat", n: 0 }), {
    ...invalid,
    param: "n",
  });
  await expectError(await send({ model: "only-chat", prompt: "A cat" }), {
    ...invalid,
    param: "model",
  });
  expect(gateway.upstream.calls).toEqual([]);
});

test("what the upstream refuses is told in its words, and costs nothing", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) =>
    sendJson(
      response,
      { error: { message: "Not that cat", type: "image_error", code: "moderation_blocked" } },
      400,
    ),
  );

  const response = await gateway.request("POST", "/v1/images/generations", {
    body: { model: "picture", prompt: "A cat" },
  });

  expect(
    await expectError(response, { status: 400, type: "image_error", code: "moderation_blocked" }),
  ).toBe("Not that cat");
  expect(await gateway.lastRow()).toMatchObject({ spend: 0, status: "failure", usage: null });
});

test("an answer that is no JSON is an error of the upstream's", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<p>Welcome");
  });

  const response = await gateway.request("POST", "/v1/images/generations", {
    body: { model: "picture", prompt: "A cat" },
  });

  await expectError(response, { status: 502, type: "upstream_error" });
});

test("a client that hangs up before its images come pays for those that it asked for", async () => {
  await using gateway = await startMediaGateway();
  const abort = new AbortController();
  const arrived = new Promise<void>((resolve) => gateway.upstream.answer(() => resolve()));
  const request = gateway.request("POST", "/v1/images/generations", {
    body: { model: "picture", prompt: "A cat", n: 2 },
    signal: abort.signal,
  });
  await arrived;

  abort.abort();

  await expect(request).rejects.toThrow();
  expect(await gateway.upstream.calls[0]?.closed).toMatchObject({ wasComplete: false });
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.08,
    status: "aborted",
    estimated: true,
    usage: { output: 0, units: { images: 2 } },
  });
});
