import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../package.ts";
import { parseModelReference, type Provider, providers } from "./registry.ts";

const page = readFileSync(join(packageRoot, "docs/providers.md"), "utf8");

test.each(Object.entries<Provider>(providers))(
  "%s stands in docs/providers.md with its key and what drop_params removes",
  (name, provider) => {
    const cells = page
      .split("\n")
      .find((line) => line.startsWith(`| \`${name}/\``))
      ?.split("|")
      .map((cell) => cell.trim());
    expect(cells?.[3]).toBe(provider.keyVariable ? `\`${provider.keyVariable}\`` : "");
    expect(cells?.[5]).toBe(
      provider.unsupported.map((parameter) => `\`${parameter}\``).join(" ") || "none",
    );
  },
);

test("a bare name is OpenAI's, and what follows the first slash is the upstream's name, slashes included", () => {
  expect(parseModelReference("gpt-4")).toEqual({ provider: "openai", model: "gpt-4" });
  expect(parseModelReference("openrouter/meta-llama/llama-3")).toEqual({
    provider: "openrouter",
    model: "meta-llama/llama-3",
  });
  expect(parseModelReference("toString/x")).toBeUndefined();
});
