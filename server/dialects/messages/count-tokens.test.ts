import { expect, test } from "vitest";
import { countTokens } from "./count-tokens.ts";
import { claudeCodeRequest } from "./fixtures/claude-code-request.ts";

const asked = { model: "m", messages: [{ role: "user", content: "Hi" }] };

test("tokens are counted without a limit of the answer", async () => {
  expect(await countTokens(asked)).toEqual({ input_tokens: 8 });
});

test("system prompt, tools and results of tools count", async () => {
  const { input_tokens: alone } = await countTokens(asked);
  const { system, tools } = claudeCodeRequest;
  const result = {
    role: "user",
    content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "one two three four" }],
  };

  expect((await countTokens({ ...asked, system })).input_tokens).toBeGreaterThan(alone + 15);
  expect((await countTokens({ ...asked, tools })).input_tokens).toBeGreaterThan(alone + 300);
  expect(
    (await countTokens({ ...asked, messages: [...asked.messages, result] })).input_tokens,
  ).toBe(alone + 8);
});
