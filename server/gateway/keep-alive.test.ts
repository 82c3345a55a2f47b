import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { chatEvents, openStream } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway } from "../testing/gateway.ts";

/** Long enough that a busy machine does not take one event for a silence. */
const silenceMs = 300;

function startQuick(stream_keep_alive_s: number) {
  return startGateway({
    config: (url) =>
      configText({
        model_list: [modelEntry({ model_name: "gpt", api_base: `${url}/v1` })],
        general_settings: { stream_keep_alive_s },
      }),
  });
}

test.each([
  [silenceMs / 1000, /: keep-alive\n\n/],
  [0, /^(?!.*: keep-alive)/s],
])("a model that thinks for long, with stream_keep_alive_s: %d", async (seconds, expected) => {
  await using gateway = await startQuick(seconds);
  const key = await gateway.generateKey();
  gateway.upstream.answer(async ({ body }, response) => {
    const [first, ...rest] = chatEvents(body).map((event) => `data: ${JSON.stringify(event)}\n\n`);
    openStream(response, first ?? "");
    await sleep(3 * silenceMs);
    response.end(`${rest.join("")}data: [DONE]\n\n`);
  });

  const text = await (await gateway.chat(key, { stream: true })).text();

  expect(text).toMatch(expected);
  const events = text.split("\n\n").filter((event) => !event.startsWith(":"));
  expect(events.at(-2)).toBe("data: [DONE]");
  for (const event of events.slice(0, -2)) JSON.parse(event.slice("data: ".length));
  expect(await gateway.spendLogs()).toMatchObject([{ status: "success" }]);
});
