import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parsePackageModel } from "./package-name.ts";

test.each([
  ["mistral/mistral-large-latest", ["@ai-sdk/mistral", "mistral"], "mistral-large-latest"],
  ["@ai-sdk/mistral/mistral-large-latest", ["@ai-sdk/mistral"], "mistral-large-latest"],
  ["openai-compatible/org/model", ["@ai-sdk/openai-compatible", "openai-compatible"], "org/model"],
  [
    "@openrouter/ai-sdk-provider/anthropic/claude",
    ["@openrouter/ai-sdk-provider"],
    "anthropic/claude",
  ],
  ["http/model", ["@ai-sdk/http"], "model"],
])("%s", (reference, packages, model) => {
  expect(parsePackageModel(reference)).toEqual({ packages, model });
});

test("whatever is written, only packages are ever imported", () => {
  const reference = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom("..", ".", "@", "", "node:fs", "file:", "a", "@a", "data:text", "%2e"),
        { maxLength: 4 },
      )
      .map((parts) => parts.join("/")),
  );
  fc.assert(
    fc.property(reference, (text) => {
      let packages: readonly string[] = [];
      try {
        ({ packages } = parsePackageModel(text));
      } catch (error) {
        expect(String(error)).toContain("write ai_sdk/<package>/<model>");
      }
      for (const name of packages) {
        expect(name).not.toMatch(/:|\.\.\/|^[./]|%/);
        expect(name.split("/").length).toBe(name.startsWith("@") ? 2 : 1);
      }
    }),
  );
});
