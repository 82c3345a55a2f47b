import { toFile } from "openai";
import { expect, test } from "vitest";
import { sendEvents, sendJson } from "../testing/fake-upstream.ts";
import { expectError, masterKey } from "../testing/gateway.ts";
import { type MediaGateway, startMediaGateway } from "../testing/media-gateway.ts";

/** Line ends, quotes and what looks like a boundary, and bytes that are no text. */
const audio = Buffer.concat([Buffer.from('\r\n--x\r\n"\\'), Buffer.from([0, 255, 128, 13, 10])]);

function form(fields: readonly (readonly [string, string | Buffer])[], boundary = "limit"): Buffer {
  const parts = fields.flatMap(([name, value]) => {
    const file = typeof value === "string" ? "" : `; filename="a \\"b\\".mp3"`;
    return [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from("\r\n"),
    ];
  });
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

function send(
  gateway: MediaGateway,
  body: Buffer,
  {
    path = "/v1/audio/transcriptions",
    type = "multipart/form-data; boundary=limit",
    key = "",
  } = {},
): Promise<Response> {
  return fetch(gateway.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key || masterKey}`,
      "content-type": type,
    },
    body: new Uint8Array(body),
  });
}

test.each(["transcriptions", "translations"] as const)(
  "%s reach the upstream under its name of the model, and cost the seconds that it reports",
  async (route) => {
    await using gateway = await startMediaGateway();
    const file = await toFile(audio, "a.mp3");

    const reply = await gateway.client.audio[route].create({ model: "whisper", file });

    expect(reply.text).toBe("Hi");
    const [call] = gateway.upstream.calls;
    expect(call?.path).toBe(`/v1/audio/${route}`);
    expect(call?.text).toMatch(/name="model"\r\n\r\nwhisper-1\r\n/);
    expect(call?.bytes.includes(audio)).toBe(true);
    expect(await gateway.lastRow()).toMatchObject({
      spend: 0.0009,
      usage: { input: 0, output: 0, units: { audio_ms: 9000 } },
      price_source: "genai-prices",
      estimated: false,
    });
  },
);

test.each([
  [
    "first",
    [
      ["model", "whisper"],
      ["file", audio],
      ["prompt", "\r\nHi\r\n"],
    ],
  ],
  [
    "last",
    [
      ["file", audio],
      ["prompt", ""],
      ["model", "whisper"],
    ],
  ],
  [
    "between",
    [
      ["file", audio],
      ["model", "whisper"],
      ["prompt", "whisper"],
    ],
  ],
] as const)(
  "a form with the model %s goes upstream byte for byte, but for the model",
  async (_where, fields) => {
    await using gateway = await startMediaGateway();

    expect((await send(gateway, form(fields))).status).toBe(200);

    const [call] = gateway.upstream.calls;
    const renamed = fields.map(
      ([name, value]) => [name, name === "model" ? "whisper-1" : value] as const,
    );
    expect(call?.bytes).toEqual(form(renamed));
    expect(call?.headers["content-type"]).toBe("multipart/form-data; boundary=limit");
    expect(call?.headers.authorization).toBe("Bearer upstream-secret");
  },
);

test("a model in the path goes before one in the form, and into one without", async () => {
  await using gateway = await startMediaGateway();
  const path = "/openai/deployments/whisper/audio/transcriptions";

  await send(
    gateway,
    form([
      ["file", audio],
      ["model", "unpriced"],
    ]),
    { path },
  );
  await send(gateway, form([["file", audio]]), { path });

  expect(gateway.upstream.calls.map(({ bytes }) => bytes)).toEqual([
    form([
      ["file", audio],
      ["model", "whisper-1"],
    ]),
    form([
      ["model", "whisper-1"],
      ["file", audio],
    ]),
  ]);
});

test("the length in verbose_json is charged to the millisecond", async () => {
  await using gateway = await startMediaGateway();

  const reply = await gateway.client.audio.transcriptions.create({
    model: "whisper",
    file: await toFile(audio, "a.mp3"),
    response_format: "verbose_json",
  });

  expect(reply.duration).toBe(8.47);
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.000847,
    usage: { units: { audio_ms: 8470 } },
  });
});

test.each(["text", "srt", "vtt"] as const)(
  "a transcription as %s is sent on as it came, and its length is estimated",
  async (response_format) => {
    await using gateway = await startMediaGateway();
    // A second at 16,000 bytes.
    const wave = Buffer.alloc(16_000);
    wave.write("RIFF????WAVEfmt ", "latin1");
    wave.writeUInt32LE(16_000, 28);

    const response = await send(
      gateway,
      form([
        ["response_format", response_format],
        ["file", wave],
        ["model", "whisper"],
      ]),
    );

    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe("Hi\n");
    expect(await gateway.lastRow()).toMatchObject({
      spend: 0.0001,
      usage: { input_audio: 0, units: { audio_ms: 1000 } },
      estimated: true,
    });
  },
);

test("a stream of a transcription is sent on, and costs the tokens that its end reports", async () => {
  await using gateway = await startMediaGateway();

  const stream = await gateway.client.audio.transcriptions.create({
    model: "scribe",
    file: await toFile(audio, "a.mp3"),
    stream: true,
  });
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);

  expect(types).toEqual(["transcript.text.delta", "transcript.text.done"]);
  // 4 tokens of text at 2.5 USD, 10 of audio at 6 USD and 45 out at 10 USD a million.
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.00052,
    usage: { input: 4, input_audio: 10, output: 45 },
    streamed: true,
    estimated: false,
  });
});

const chunk = (fields: object) => ({ object: "transcription.chunk", model: "hearer", ...fields });

test("a stream in the shape of chats, as vLLM has it, is renamed and costs what its last usage says", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) =>
    sendEvents(response, [
      chunk({
        choices: [{ delta: { content: "Hi" } }],
        usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
      }),
      chunk({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } }),
    ]),
  );

  const response = await send(
    gateway,
    form([
      ["stream", "True"],
      ["model", "scribe"],
      ["file", audio],
    ]),
  );

  const text = await response.text();
  expect(text).toContain('"model":"scribe"');
  expect(text).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  expect(await gateway.lastRow()).toMatchObject({ usage: { input: 5, output: 2 }, streamed: true });
});

test("a client that hangs up while its audio is heard stops the upstream, and pays for what it sent", async () => {
  await using gateway = await startMediaGateway();
  const abort = new AbortController();
  const arrived = new Promise<void>((resolve) => gateway.upstream.answer(() => resolve()));
  const request = fetch(`${gateway.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${masterKey}`,
      "content-type": "multipart/form-data; boundary=limit",
    },
    body: new Uint8Array(form([model, ["file", Buffer.alloc(80_000)]])),
    signal: abort.signal,
  });
  await arrived;

  abort.abort();

  await expect(request).rejects.toThrow();
  expect(await gateway.upstream.calls[0]?.closed).toMatchObject({ wasComplete: false });
  expect(await gateway.lastRow()).toMatchObject({
    status: "aborted",
    spend: 0.001,
    usage: { units: { audio_ms: 10_000 } },
    estimated: true,
  });
});

test("30 MB of audio go through, and what the upstream says of their size is told", async () => {
  await using gateway = await startMediaGateway();
  const large = form([
    ["model", "whisper"],
    ["file", Buffer.alloc(30 * 1024 * 1024, 7)],
  ]);
  expect((await send(gateway, large)).status).toBe(200);
  expect(gateway.upstream.calls[0]?.bytes).toHaveLength(large.length + "-1".length);

  gateway.upstream.answer((_call, response) =>
    sendJson(
      response,
      { error: { message: "Maximum content size exceeded", type: "server_error" } },
      413,
    ),
  );

  expect(await expectError(await send(gateway, large), { status: 413, type: "server_error" })).toBe(
    "Maximum content size exceeded",
  );
});

test("more than max_request_size_mb is refused before any upstream is called", async () => {
  await using gateway = await startMediaGateway();
  const tooLarge = form([
    ["model", "whisper"],
    ["file", Buffer.alloc(33 * 1024 * 1024)],
  ]);

  const response = await send(gateway, tooLarge);

  await expectError(response, {
    status: 413,
    type: "invalid_request_error",
    code: "request_too_large",
  });
  expect(gateway.upstream.calls).toEqual([]);
});

const model = ["model", "whisper"] as const;
const good = form([model, ["file", audio]]);

test("a body that is no form with one model is refused", async () => {
  await using gateway = await startMediaGateway();
  const bodies: [string, Buffer, string?][] = [
    ["no boundary", good, "multipart/form-data"],
    ["another boundary", good, "multipart/form-data; boundary=other"],
    ["JSON", Buffer.from('{"model":"whisper"}'), "application/json"],
    ["JSON that says it is a form", Buffer.from('{"model":"whisper"}')],
    ["no end", good.subarray(0, -12)],
    ["nothing", Buffer.alloc(0)],
  ];
  const withoutModel: [string, Buffer][] = [
    ["no model", form([["file", audio]])],
    ["two models", form([model, ["file", audio], model])],
    ["a file for a model", form([["model", audio]])],
  ];
  const invalid = { status: 400, type: "invalid_request_error" };

  for (const [, body, type] of bodies)
    await expectError(await send(gateway, body, type === undefined ? {} : { type }), invalid);
  for (const [, body] of withoutModel)
    await expectError(await send(gateway, body), { ...invalid, param: "model" });

  expect(gateway.upstream.calls).toEqual([]);
});

test("a key that may not call the model is refused", async () => {
  await using gateway = await startMediaGateway();
  const key = await gateway.generateKey({ models: ["voice"] });

  await expectError(await send(gateway, good, { key }), {
    status: 403,
    type: "key_model_access_denied",
    code: "model_access_denied",
    param: "model",
  });
});

test("another deployment of the group gets the same form, under its own name of the model", async () => {
  await using gateway = await startMediaGateway();
  gateway.upstream.answer((_call, response) =>
    gateway.upstream.calls.length === 1
      ? sendJson(response, {}, 500)
      : sendJson(response, { text: "Hi", usage: { type: "duration", seconds: 1 } }),
  );

  const response = await send(
    gateway,
    form([
      ["model", "hearers"],
      ["file", audio],
    ]),
  );

  expect(response.status).toBe(200);
  expect(new Set(gateway.upstream.calls.map(({ bytes }) => bytes.toString("latin1")))).toEqual(
    new Set(
      ["hearer-1", "hearer-2"].map((name) =>
        form([
          ["model", name],
          ["file", audio],
        ]).toString("latin1"),
      ),
    ),
  );
});
