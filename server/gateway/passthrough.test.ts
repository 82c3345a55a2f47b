import { expect, test } from "vitest";
import { openStream } from "../testing/fake-upstream.ts";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

/** What a parse and a stringify would lose: spaces, the order of names, the forms of numbers and of characters. */
const odd = String.raw`"temperature":1.0, "seed" : 12345678901234567890,"z":1e2,"a":-0.0, "note":"\u00e9\/\ud83d\ude00 é \"model\": \"gpt\"","deep":{"model":"gpt","list":[ 1 ,2]}`;

const oddRequest = (model: string) =>
  `{"x_first":null, "model" : "${model}",${odd}, "messages":[{"role":"user","content":"Hi","x":1.0}]}`;

const oddEvents = (model: string) =>
  `data: {${odd}, "model" : "${model}","choices":[]}\n\ndata:{"choices":[],"model":"${model}","system_fingerprint":"fp"}\n\ndata: [DONE]\n\n`;

function send(gateway: TestGateway, body: string): Promise<Response> {
  return gateway.request("POST", "/v1/chat/completions", { body });
}

test("a request reaches the upstream byte for byte, but for the model's name", async () => {
  await using gateway = await startGateway();

  await send(gateway, oddRequest("gpt"));

  expect(gateway.upstream.calls[0]?.text).toBe(oddRequest("gpt-real"));
});

test("no upstream can read another model than the one that was authorised, also where the body names two", async () => {
  await using gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [modelEntry({ model_name: "cheap", model: "openai/cheap", api_base })],
      }),
  });

  await send(
    gateway,
    `{"model":"dear","mod\\u0065l":"dear","model":"cheap","messages":[{"role":"user","content":"Hi"}]}`,
  );

  expect(gateway.upstream.calls[0]?.text).not.toContain("dear");
});

test("a whole reply reaches the client byte for byte, but for the model's name", async () => {
  await using gateway = await startGateway();
  gateway.upstream.answer((_call, response) => {
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(`\n{ ${odd}, "model" :"gpt-real-2024" ,"system_fingerprint":"fp","choices":[] }\n`);
  });

  const response = await gateway.chat(masterKey);

  expect(await response.text()).toBe(
    `\n{ ${odd}, "model" :"gpt" ,"system_fingerprint":"fp","choices":[] }\n`,
  );
});

test("a stream reaches the client byte for byte, but for the model's name in every chunk", async () => {
  await using gateway = await startGateway();
  gateway.upstream.answer((_call, response) => {
    openStream(response, oddEvents("gpt-real-2024"));
    response.end();
  });

  const response = await gateway.chat(masterKey, { stream: true });

  expect(await response.text()).toBe(oddEvents("gpt"));
});

test("replies keep the upstream's name of the model where return_upstream_model says so", async () => {
  await using gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [modelEntry({ model_name: "gpt", api_base })],
        general_settings: { return_upstream_model: true },
      }),
  });

  const whole = (await (await gateway.chat(masterKey)).json()) as { model: string };
  const stream = await (await gateway.chat(masterKey, { stream: true })).text();

  expect(whole.model).toBe("gpt-real");
  expect([...stream.matchAll(/"model":"([^"]+)"/g)].map(([, model]) => model)).toEqual([
    "gpt-real",
    "gpt-real",
    "gpt-real",
    "gpt-real",
  ]);
});

test("the name in a reply is the alias that the client used, not the group behind it", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ aliases: { 'my "quoted" name': "gpt" } });

  const reply = (await (await gateway.chat(key, { model: 'my "quoted" name' })).json()) as {
    model: string;
  };

  expect(reply.model).toBe('my "quoted" name');
});

test("a stream's usage is asked for, whatever the client asked, beside its own options", async () => {
  await using gateway = await startGateway();
  const asked = [
    undefined,
    null,
    { include_usage: false },
    { include_usage: true },
    { include_obfuscation: false },
  ];

  for (const stream_options of asked)
    await (await gateway.chat(masterKey, { stream: true, stream_options })).text();
  await gateway.chat(masterKey, { stream: false });

  expect(gateway.upstream.calls.map(({ body }) => body["stream_options"])).toEqual([
    { include_usage: true },
    { include_usage: true },
    { include_usage: true },
    { include_usage: true },
    { include_obfuscation: false, include_usage: true },
    undefined,
  ]);
});
