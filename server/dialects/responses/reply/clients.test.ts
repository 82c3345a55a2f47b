import { readFileSync } from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../errors.ts";
import type { ModelEvent } from "../../../providers/model-event.ts";
import { errorEvent } from "../errors.ts";
import { responses } from "../responses.ts";

const events: ModelEvent[] = [
  { type: "start", id: "upstream" },
  { type: "reasoning-delta", text: "Weather" },
  { type: "reasoning-delta", text: ", then" },
  { type: "reasoning-signature", signature: "sig" },
  { type: "text-delta", text: "Let me " },
  { type: "text-delta", text: "look" },
  { type: "tool-call", index: 0, id: "call_1", name: "weather" },
  { type: "tool-arguments-delta", index: 0, json: '{"city":' },
  { type: "tool-arguments-delta", index: 0, json: '"Bern"}' },
  {
    type: "usage",
    usage: {
      input: 10,
      cache_read: 5,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output: 7,
      reasoning: 2,
      output_audio: 0,
    },
  },
  { type: "finish", reason: "tool-calls" },
];

interface Upstream {
  readonly fetch: typeof fetch;
  /** What the client sent, call by call. */
  readonly requests: Record<string, unknown>[];
}

/** Answers every call as the dialect writes it, streamed or whole; with an error behind the first events where one is given. */
function upstreamOf(answers: readonly ModelEvent[][], error?: GatewayError): Upstream {
  const requests: Record<string, unknown>[] = [];
  return {
    requests,
    fetch: async (_input, init) => {
      const request: Record<string, unknown> = JSON.parse(String(init?.body));
      const answer = answers[requests.length] ?? [];
      requests.push(request);
      const head = {
        id: "1",
        model: "coder",
        createdAtMs: 1_764_000_000_000,
        request,
        promptTokens: 10,
      };
      if (request["stream"] !== true) return Response.json(responses.encodeReply(answer, head));
      const encoder = responses.createEncoder(head);
      const body = answer.map((event) => encoder.encode(event)).join("");
      return new Response(body + (error ? encoder.fail(error) : encoder.end()), {
        headers: { "content-type": "text/event-stream" },
      });
    },
  };
}

const broken = new GatewayError("upstream_failed", "The upstream broke off");

const clientOf = (upstream: Upstream) =>
  new OpenAI({ apiKey: "sk-x", fetch: upstream.fetch, maxRetries: 0 });

const modelOf = (upstream: Upstream) =>
  createOpenAI({ apiKey: "sk-x", fetch: upstream.fetch }).responses("coder");

/** A stream that passes through, and breaks off after its first events. */
const cutOff: typeof fetch = async () => {
  const stream = readFileSync(new URL("../fixtures/native-stream.txt", import.meta.url), "utf8");
  return new Response(
    stream.slice(0, stream.indexOf("event: response.output_text.done")) + errorEvent(broken),
    {
      headers: { "content-type": "text/event-stream" },
    },
  );
};

describe("OpenAI's library", () => {
  test("puts a stream together to what the whole reply is", async () => {
    const upstream = upstreamOf([events, events]);
    const asked = { model: "coder", input: "Weather?" };
    const stream = clientOf(upstream).responses.stream(asked);
    let said = "";
    stream.on("response.output_text.delta", ({ delta }) => {
      said += delta;
    });
    const streamed = await stream.finalResponse();
    const whole = await clientOf(upstream).responses.create(asked);
    expect(said).toBe("Let me look");
    expect(streamed.output_text).toBe("Let me look");
    expect(streamed.usage).toEqual(whole.usage);
    expect(streamed.output).toMatchObject(whole.output);
  });

  test("sees a stream that failed as one", async () => {
    const stream = await clientOf(upstreamOf([events.slice(0, 3)], broken)).responses.create({
      model: "coder",
      input: "Weather?",
      stream: true,
    });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types.at(-1)).toBe("response.failed");
  });
});

test("a stream that passes through and breaks off is an error to both", async () => {
  const upstream = { fetch: cutOff, requests: [] };
  const stream = await clientOf(upstream).responses.create({
    model: "coder",
    input: "Hi",
    stream: true,
  });
  const readAll = async () => {
    for await (const event of stream) expect(event.type).toMatch(/^response/);
  };
  await expect(readAll()).rejects.toThrow("The upstream broke off");
  const errors: unknown[] = [];
  const result = streamText({
    model: modelOf(upstream),
    prompt: "Hi",
    maxRetries: 0,
    onError: ({ error }) => void errors.push(error),
  });
  await result.consumeStream();
  expect(JSON.stringify(errors)).toContain("The upstream broke off");
});

describe("the AI SDK", () => {
  const weather = tool({
    inputSchema: jsonSchema<{ city: string }>({
      type: "object",
      properties: { city: { type: "string" } },
    }),
    execute: ({ city }) => `Sun in ${city}`,
  });
  const stateless = {
    openai: { store: false, include: ["reasoning.encrypted_content"], forceReasoning: true },
  };
  const goodbye: ModelEvent[] = [
    { type: "text-delta", text: "Sun" },
    { type: "finish", reason: "stop" },
  ];

  test.each(["streamed", "whole"])(
    "goes through a tool and back to the model, %s",
    async (form) => {
      const upstream = upstreamOf([events, goodbye]);
      const settings = {
        model: modelOf(upstream),
        prompt: "Weather?",
        tools: { weather },
        stopWhen: stepCountIs(2),
        providerOptions: stateless,
      };
      const result = form === "streamed" ? streamText(settings) : await generateText(settings);
      const steps = await result.steps;
      expect(steps[0]).toMatchObject({
        text: "Let me look",
        reasoningText: "Weather, then",
        toolCalls: [{ toolName: "weather", input: { city: "Bern" } }],
        finishReason: "tool-calls",
        usage: { inputTokens: 15, cachedInputTokens: 5, outputTokens: 7, reasoningTokens: 2 },
      });
      expect(steps[1]).toMatchObject({ text: "Sun", finishReason: "stop" });
      const { chat } = responses.toChat(upstream.requests[1] ?? {});
      expect(chat.messages.slice(1)).toMatchObject([
        {
          role: "assistant",
          content: "Let me look",
          thinking_blocks: [{ type: "thinking", thinking: "Weather, then", signature: "sig" }],
          tool_calls: [{ id: "call_1", function: { name: "weather" } }],
        },
        { role: "tool", tool_call_id: "call_1", content: "Sun in Bern" },
      ]);
    },
  );

  test("goes through a tool of a thinking model as it comes, though it only names the thoughts", async () => {
    const silent = events.filter(({ type }) => type !== "text-delta");
    const upstream = upstreamOf([silent, goodbye]);
    await generateText({
      model: modelOf(upstream),
      prompt: "Weather?",
      tools: { weather },
      stopWhen: stepCountIs(2),
    });

    const { chat, dropped } = responses.toChat(upstream.requests[1] ?? {});

    expect(upstream.requests[1]?.["input"]).toContainEqual({
      type: "item_reference",
      id: expect.stringMatching(/^rs_/),
    });
    expect(chat.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(dropped).toEqual(["input.item_reference"]);
  });

  test("shows the reason of a failure", async () => {
    const errors: unknown[] = [];
    const result = streamText({
      model: modelOf(upstreamOf([events.slice(0, 5)], broken)),
      prompt: "Weather?",
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    await result.consumeStream();
    expect(JSON.stringify(errors)).toContain("The upstream broke off");
  });
});
