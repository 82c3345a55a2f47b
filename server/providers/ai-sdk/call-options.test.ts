import { expect, test } from "vitest";
import { type Chat, chat as chatSchema } from "../../../shared/openai/chat.ts";
import { callOptionsOf } from "./call-options.ts";
import { ask, streamed } from "./fixtures/reading.ts";
import { vendorOf } from "./vendors.ts";

function translate(fields: Partial<Chat>, { provider = "some.chat", drops = false } = {}) {
  const target = { ...streamed, dropsParameters: drops };
  const vendor = vendorOf(provider);
  return callOptionsOf(chatSchema.parse(ask(fields)), target, {
    vendor,
    model: "model",
    supportedUrls: {},
  });
}

test("what only some vendors have is left out for those who are not known, and told", () => {
  const { dropped } = translate({
    reasoning_effort: "high",
    thinking: { type: "adaptive" },
    user: "u",
    logit_bias: {},
    messages: [{ role: "user", content: "Hi", cache_control: { type: "ephemeral" } }],
  });
  expect(new Set(dropped)).toEqual(
    new Set(["reasoning_effort", "thinking", "user", "logit_bias", "cache_control"]),
  );
});

test("what is set to what happens anyway is not told", () => {
  const { dropped } = translate({
    n: 1,
    logprobs: false,
    parallel_tool_calls: true,
    modalities: ["text"],
    seed: null,
    metadata: null,
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(dropped).toEqual([]);
});

test.each([
  ["n", { n: 2 }],
  ["logprobs", { logprobs: true }],
  ["modalities", { modalities: ["text", "audio"] }],
  ["tools", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
  ["functions", { functions: [{ name: "f" }] }],
])("%s would make another answer: refused, unless parameters are dropped", (name, fields) => {
  expect(() => translate(fields as Partial<Chat>)).toThrow(
    expect.objectContaining({
      code: "invalid_request",
      details: expect.objectContaining({ param: name }),
    }),
  );
  expect(translate(fields as Partial<Chat>, { drops: true }).dropped).toContain(name);
});

test.each([
  [
    "an image in an instruction",
    [
      {
        role: "system",
        content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }],
      },
    ],
  ],
  [
    "a file of another's",
    [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }],
  ],
  [
    "no address at all",
    [{ role: "user", content: [{ type: "image_url", image_url: { url: "cat.png" } }] }],
  ],
])("%s cannot be said", (_what, messages) => {
  expect(() => translate({ messages } as Partial<Chat>)).toThrow(
    expect.objectContaining({
      code: "invalid_request",
      details: expect.objectContaining({ param: "messages" }),
    }),
  );
});

test("sounds, documents and what tools answered keep their types", () => {
  const { options } = translate({
    messages: [
      {
        role: "user",
        content: [
          { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
          { type: "file", file: { file_data: "data:text/csv;base64,YSxi", filename: "a.csv" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [
          { id: "1", type: "function", function: { name: "look", arguments: "" } },
          { id: "2", type: "function", function: { name: "hear", arguments: '{"x":1}' } },
        ],
      },
      {
        role: "tool",
        tool_call_id: "1",
        content: [
          { type: "text", text: "here" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        ],
      },
      {
        role: "tool",
        tool_call_id: "unheard-of",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
    ],
  });
  expect(options.prompt).toEqual([
    {
      role: "user",
      content: [
        { type: "file", mediaType: "audio/mpeg", data: "AAAA" },
        { type: "file", mediaType: "text/csv", data: Buffer.from("a,b"), filename: "a.csv" },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "tool-call", toolCallId: "1", toolName: "look", input: {} },
        { type: "tool-call", toolCallId: "2", toolName: "hear", input: { x: 1 } },
      ],
    },
    {
      role: "tool",
      content: [
        {
          type: "tool-result",
          toolCallId: "1",
          toolName: "look",
          output: {
            type: "content",
            value: [
              { type: "text", text: "here" },
              { type: "image-data", data: "AAAA", mediaType: "image/png" },
            ],
          },
        },
      ],
    },
    {
      role: "tool",
      content: [
        {
          type: "tool-result",
          toolCallId: "unheard-of",
          toolName: "unheard-of",
          output: { type: "text", value: "a\nb" },
        },
      ],
    },
  ]);
});

test.each(["{x", "[1]", "null"])(
  "a call with the arguments %s is refused with its place",
  (json) => {
    const call = { id: "1", type: "function" as const, function: { name: "f", arguments: json } };
    const messages: Chat["messages"] = [
      { role: "user", content: "Hi" },
      { role: "assistant", tool_calls: [call] },
    ];
    expect(() => translate({ messages })).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        details: { param: "messages.1.tool_calls.0.function.arguments" },
      }),
    );
  },
);

test("instructions stay where they are for vendors that take them anywhere", () => {
  const messages: Chat["messages"] = [
    { role: "user", content: "Hi" },
    { role: "system", content: "Be kind" },
  ];
  const rolesFor = (provider: string) =>
    translate({ messages }, { provider }).options.prompt.map(({ role }) => role);
  expect(rolesFor("cohere.chat")).toEqual(["user", "system"]);
  expect(rolesFor("anthropic.messages")).toEqual(["system", "user"]);
});
