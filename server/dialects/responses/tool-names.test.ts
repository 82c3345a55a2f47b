import { expect, test } from "vitest";
import { ToolNames } from "./tool-names.ts";

const inNamespace = (namespace: string, ...names: string[]) => ({
  type: "namespace",
  name: namespace,
  tools: names.map((name) => ({ type: "function", name })),
});

test("a tool of a namespace is known again by its name in the chat", () => {
  const names = new ToolNames({ tools: [inNamespace("mcp__github__", "search")] });
  expect(names.inChat("search", "mcp__github__")).toBe("mcp__github__search");
  expect(names.ofClient("mcp__github__search")).toEqual({
    name: "search",
    namespace: "mcp__github__",
    kind: "function",
  });
});

test("no two tools share a name, and none is longer than a chat allows", () => {
  const long = "n".repeat(70);
  const tools = [
    inNamespace("a", "b__c", long),
    inNamespace("a__b", "c"),
    inNamespace("a", `${long}!`),
  ];
  const names = new ToolNames({ tools });
  const given = [
    names.inChat("b__c", "a"),
    names.inChat("c", "a__b"),
    names.inChat(long, "a"),
    names.inChat(`${long}!`, "a"),
  ];
  expect(new Set(given).size).toBe(4);
  expect(Math.max(...given.map((name) => name.length))).toBe(64);
  expect(given.map((name) => names.ofClient(name).name)).toEqual(["b__c", "c", long, `${long}!`]);
});

test.each([
  undefined,
  null,
  "x",
  [null, 1, {}, { type: "namespace", name: "n" }, { type: "custom" }],
])("tools that are none (%j) have no names", (tools) => {
  expect(new ToolNames({ tools }).ofClient("made_up")).toEqual({
    name: "made_up",
    namespace: undefined,
    kind: "function",
  });
});
