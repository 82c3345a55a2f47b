import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadPackage } from "./load-package.ts";

const folder = mkdtempSync(join(tmpdir(), "keyplane-packages-"));

beforeAll(() => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  install(
    "@example/ai-sdk-provider",
    "export const createHelper = () => 0, createExample = () => 1;",
  );
  install("ollama-like-ai-provider-v2", "export const createOllamaLike = () => 2, other = 3;");
  install(
    "twice-ai-provider",
    "const create = () => 4; export { create as createTwice, create as createOther };",
  );
  install("torn-ai-provider", 'import "not-installed-either"; export const createTorn = () => 5;');
});

afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function install(name: string, source: string) {
  const place = join(folder, "node_modules", name);
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(place, "package.json"),
    JSON.stringify({ name, type: "module", exports: "./index.js" }),
  );
  writeFileSync(join(place, "index.js"), source);
}

test.each([
  ["the function that is called like the package", "@example/ai-sdk-provider", 1],
  ["the only function there is", "ollama-like-ai-provider-v2", 2],
  ["one function of two names", "twice-ai-provider", 4],
])("a package of the operator's makes its provider by %s", async (_what, name, made) => {
  const loaded = await loadPackage([`@ai-sdk/${name.replace("/", "-")}`, name]);
  expect(loaded.name).toBe(name);
  expect(loaded.create({})).toBe(made);
});

test("a package that misses another one says so, and is not called missing itself", async () => {
  await expect(loadPackage(["torn-ai-provider"])).rejects.toThrow(
    /^Cannot load "torn-ai-provider": .*not-installed-either/,
  );
});
