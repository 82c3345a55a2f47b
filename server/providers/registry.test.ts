import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../package.ts";
import { parseModelReference, type Provider, providers } from "./registry.ts";

const page = readFileSync(join(packageRoot, "docs/providers.md"), "utf8");

const shaped = page.slice(page.indexOf("## Shaped like OpenAI"));

/** Of the row of a provider: the first cell is its prefix. */
function cellsOf(name: string, section: string): string[] | undefined {
  return section
    .split("\n")
    .find((line) => line.startsWith(`| \`${name}/`))
    ?.split("|")
    .slice(1)
    .map((cell) => cell.trim());
}

const all = Object.entries<Provider>(providers);
const own = all.filter(([, { adapter, library }]) => adapter ?? library);
const likeOpenAi = all.filter(([, { adapter, library }]) => !(adapter ?? library));

test.each(likeOpenAi)(
  "%s stands in docs/providers.md with its key and what drop_params removes",
  (name, { keyVariable, unsupported }) => {
    const cells = cellsOf(name, shaped);
    expect(cells?.[2]).toBe(keyVariable ? `\`${keyVariable}\`` : "");
    expect(cells?.[4]).toBe(unsupported.map((parameter) => `\`${parameter}\``).join(" ") || "none");
  },
);

test.each(own)("%s stands in docs/providers.md with its key", (name, { keyVariable }) => {
  const section = page.slice(page.indexOf("## With a format of their own"));
  const cells = cellsOf(name, section);
  expect(cells?.[2]).toMatch(keyVariable ? `\`${keyVariable}\`` : /see right|the package's/);
});

test("a bare name is OpenAI's, and what follows the first slash is the upstream's name, slashes included", () => {
  expect(parseModelReference("gpt-4")).toEqual({ provider: "openai", model: "gpt-4" });
  expect(parseModelReference("openrouter/meta-llama/llama-3")).toEqual({
    provider: "openrouter",
    model: "meta-llama/llama-3",
  });
  expect(parseModelReference("toString/x")).toBeUndefined();
});
