import { expect, test } from "vitest";
import { formatNote, readConfig } from "../config.ts";

function read(text: string) {
  return readConfig({ text, directory: "/srv/keyplane", environment: {} });
}

test("each line with a tab in its indentation is told once, with line and column", () => {
  const reading = read(
    "model_list:\n\t- model_name: a\n\t  litellm_params:\n\t  \tmodel: ollama/a\n",
  );

  expect(reading).toMatchObject({
    ok: true,
    config: { model_list: [{ model_name: "a", litellm_params: { model: "ollama/a" } }] },
  });
  expect(reading.warnings.map(({ line, column }) => [line, column])).toEqual([
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
});

test("the column of a tab counts the spaces before it", () => {
  const reading = read("model_list:\n  - model_name: a\n  \tlitellm_params: { model: ollama/a }\n");

  expect(reading.ok && reading.warnings.map(({ line, column }) => [line, column])).toEqual([
    [3, 3],
  ]);
});

test("a fault in a line that begins with a tab is told at the column of the file as it stands", () => {
  const reading = read("model_list:\n  - model_name: a\n\t\tlitellm_params: { model: opnai/a }\n");

  expect(reading.ok ? [] : reading.faults.map(({ line, column }) => [line, column])).toEqual([
    [3, 28],
  ]);
});

test("a file that does not parse with its tabs read as spaces is refused, with the tabs told as well", () => {
  const reading = read("model_list:\n    - model_name: a\n\tb: c\n");

  expect(reading).toMatchObject({ ok: false, warnings: [{ line: 3, column: 1 }] });
  expect(reading.ok ? [] : reading.faults.map((fault) => formatNote("c", fault))).not.toEqual([]);
});

test("a tab that YAML allows is left alone", () => {
  const reading = read(
    "model_list:\n  - model_name: a\n    litellm_params:\n      model: ollama/a\n      mock_response: |\n        one\n        \ttwo\n",
  );

  expect(reading).toMatchObject({
    ok: true,
    warnings: [],
    config: { model_list: [{ litellm_params: { mock_response: "one\n\ttwo\n" } }] },
  });
});

test("a tab before a comment alone is no reason to warn", () => {
  expect(
    read(
      "model_list:\n\t# a comment\n  - model_name: a\n    litellm_params: { model: ollama/a }\n",
    ),
  ).toMatchObject({ ok: true, warnings: [] });
});

test("anchors and merges share settings among deployments, however many", () => {
  const entries = Array.from(
    { length: 200 },
    (_, index) =>
      `  - model_name: m${index}\n    litellm_params: { <<: *shared, weight: ${index} }\n`,
  );
  const reading = read(
    `model_list:\n  - model_name: first\n    litellm_params: &shared { model: ollama/a, timeout: 5 }\n${entries.join("")}`,
  );

  expect(reading.ok && reading.config.model_list).toHaveLength(201);
  expect(reading).toMatchObject({
    config: {
      model_list: { 200: { litellm_params: { model: "ollama/a", timeout: 5, weight: 199 } } },
    },
  });
});

test("line ends of Windows and a byte order mark do no harm", () => {
  expect(
    read(
      "\uFEFFmodel_list:\r\n  - model_name: a\r\n    litellm_params:\r\n      model: ollama/a\r\n",
    ),
  ).toMatchObject({ ok: true, warnings: [] });
});
