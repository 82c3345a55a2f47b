import { monitorEventLoopDelay } from "node:perf_hooks";
import * as fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";
import { countCompletionTokens, countPromptTokens } from "./tokens.ts";

function exactly(text: string): number {
  return encode(text, { disallowedSpecial: new Set() }).length;
}

/** What a content part adds to a chat of one message. */
async function part(content: object): Promise<number> {
  return (await countPromptTokens({ messages: [{ role: "user", content: [content] }] })) - 7;
}

test("a short text has the tokens that the tokenizer says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 200 }), async (text) => {
      expect(await countCompletionTokens(text)).toBe(exactly(text));
    }),
  );
});

test("prose cut into slices has within half a percent the tokens of the whole", async () => {
  const prose =
    "The quick brown fox jumps over the lazy dog; then, at 10:45, it rests (for 3 minutes).\n\n".repeat(
      300,
    );
  const whole = exactly(prose);
  expect(Math.abs((await countCompletionTokens(prose)) - whole)).toBeLessThan(whole / 200);
});

test("no surrogate pair is cut in two", async () => {
  for (const lead of ["", "a"]) {
    const emoji = "🙂".repeat(3_000);
    expect(await countCompletionTokens(lead + emoji)).toBeLessThanOrEqual(
      exactly("🙂") * 3_000 + 1,
    );
  }
});

test("the names of special tokens are text like any other", async () => {
  expect(await countCompletionTokens("<|endoftext|><|im_start|>")).toBe(
    exactly("<|endoftext|><|im_start|>"),
  );
  expect(await countCompletionTokens("<|endoftext|>")).toBeGreaterThan(1);
});

test("halves of surrogate pairs and control characters are counted, not refused", async () => {
  expect(await countCompletionTokens("\ud800 \udc00 \u0000")).toBeGreaterThan(0);
  expect(await countCompletionTokens("\ud800".repeat(2_000))).toBeGreaterThan(0);
});

test("nothing has no tokens", async () => {
  expect(await countCompletionTokens("")).toBe(0);
});

test.each([
  [
    "Chinese characters",
    Array.from({ length: 100_000 }, (_, i) =>
      String.fromCharCode(0x4e00 + ((i * 7_919) % 20_011)),
    ).join(""),
  ],
  ["the same character", "漢".repeat(100_000)],
  ["the letter a", "a".repeat(100_000)],
  ["spaces", " ".repeat(100_000)],
  ["emoji", "🙂🚀🎉".repeat(17_000)],
])("100,000 of %s do not hold the event loop", async (_, text) => {
  await countCompletionTokens("load");
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const started = performance.now();
  expect(await countCompletionTokens(text)).toBeGreaterThan(0);
  delay.disable();
  // Generous on purpose, for a busy machine: in one piece the first of these holds the loop for 27 s.
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(delay.max / 1e6).toBeLessThan(1_000);
});

test("other work goes on while a long text is counted", async () => {
  const text = Array.from({ length: 60_000 }, (_, i) =>
    String.fromCharCode(0x4e00 + ((i * 7_919) % 20_011)),
  ).join("");
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  expect(await countCompletionTokens(text)).toBeGreaterThan(0);
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(3);
});

test("counts that overlap do not disturb each other", async () => {
  const text = "漢字かな交じり文 ".repeat(5_000);
  const alone = await countCompletionTokens(text);
  expect(
    await Promise.all([
      countCompletionTokens(text),
      countCompletionTokens(text),
      countCompletionTokens("hello"),
    ]),
  ).toEqual([alone, alone, 1]);
});

test("a chat is its texts, four tokens a message and three for the reply", async () => {
  const messages = [
    { role: "system", content: "You are terse." },
    {
      role: "user",
      name: "ada",
      content: [
        { type: "text", text: "Hello" },
        { type: "text", text: " world" },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c", type: "function", function: { name: "look", arguments: '{"a":1}' } }],
    },
    { role: "tool", tool_call_id: "c", content: "42" },
  ];
  const texts = ["You are terse.", "ada", "Hello", " world", "look", '{"a":1}', "42"];
  const expected = texts.reduce((sum, text) => sum + exactly(text), 4 * 4 + 3);
  expect(await countPromptTokens({ model: "m", messages })).toBe(expected);
});

test("tools and a schema for the answer are read by the model too", async () => {
  const tool = {
    type: "function",
    function: { name: "look", description: "Looks", parameters: { type: "object" } },
  };
  const json_schema = { name: "answer", schema: { type: "object" } };
  const messages = [{ role: "user", content: "Hi" }];
  const bare = await countPromptTokens({ messages });
  expect(
    await countPromptTokens({
      messages,
      tools: [tool],
      response_format: { type: "json_schema", json_schema },
    }),
  ).toBe(bare + exactly(JSON.stringify(tool)) + exactly(JSON.stringify(json_schema)));
});

test("images, audio and files count a flat estimate, whatever their bytes", async () => {
  const bytes = "QUJD".repeat(200_000);
  expect(
    await part({ type: "image_url", image_url: { url: `data:image/png;base64,${bytes}` } }),
  ).toBe(765);
  expect(
    await part({
      type: "image_url",
      image_url: { url: "https://example.com/a.png", detail: "low" },
    }),
  ).toBe(85);
  expect(await part({ type: "input_audio", input_audio: { data: bytes, format: "wav" } })).toBe(
    600,
  );
  expect(await part({ type: "file", file: { file_data: bytes } })).toBe(3_000);
});

test.each([
  ["a prompt", { prompt: "Once upon a time" }, exactly("Once upon a time")],
  ["several prompts", { prompt: ["Once", "Twice"] }, exactly("Once") + exactly("Twice")],
  ["token ids", { prompt: [1, 2, 3] }, 3],
  ["several lists of token ids", { input: [[1, 2, 3], [4]] }, 4],
  ["an input", { input: "Once upon a time" }, exactly("Once upon a time")],
  ["several inputs", { input: ["Once", "Twice", ""] }, exactly("Once") + exactly("Twice")],
])("%s is counted", async (_, request, expected) => {
  expect(await countPromptTokens(request)).toBe(expected);
});

test("a request of any shape is counted without complaint", async () => {
  const shape = fc.object({
    key: fc.constantFrom(
      "messages",
      "content",
      "tools",
      "prompt",
      "input",
      "function",
      "text",
      "type",
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(shape, fc.anything()), async (request) => {
      expect(await countPromptTokens(request)).toBeGreaterThanOrEqual(0);
    }),
  );
});
