import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../package.ts";
import { parseModelReference, type Provider, providers } from "./registry.ts";

const page = readFileSync(join(packageRoot, "docs/providers.md"), "utf8");

/** The cells of a provider's row in the last table that it stands in. */
function rowOf(name: string): string[] {
  const line = page.split("\n").findLast((one) => one.startsWith(`| \`${name}/`)) ?? "";
  return line.split("|").map((cell) => cell.trim());
}

const entries = Object.entries<Provider>(providers);

test.each(entries.filter(([, { adapter, library }]) => !adapter && !library))(
  "%s stands in docs/providers.md with its key and what drop_params removes",
  (name, { keyVariable, unsupported }) => {
    const cells = rowOf(name);
    expect(cells[3]).toBe(keyVariable ? `\`${keyVariable}\`` : "");
    expect(cells[5]).toBe(unsupported.map((parameter) => `\`${parameter}\``).join(" ") || "none");
  },
);

test.each(entries.filter(([, { adapter, library }]) => adapter ?? library))(
  "%s, which has a format of its own, stands there with its key",
  (name, { keyVariable }) => {
    const [, , , key] = rowOf(name);
    expect(key).toMatch(keyVariable === undefined ? /^(see right|the package's)$/ : keyVariable);
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
