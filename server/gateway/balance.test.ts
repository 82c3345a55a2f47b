import { expect, test } from "vitest";
import { createDeployment, type Deployment } from "../providers/deployment.ts";
import { readConfig } from "../config.ts";
import { configText, modelEntry } from "../testing/gateway.ts";
import { balance } from "./balance.ts";

function deploymentsOf(weights: readonly (number | undefined)[]): Deployment[] {
  const entries = weights.map((weight, index) =>
    modelEntry({
      model_name: "gpt",
      model: `openai/${index}`,
      api_base: "http://127.0.0.1:1",
      ...(weight !== undefined && { weight }),
    }),
  );
  const reading = readConfig({
    text: configText({ model_list: entries }),
    directory: "/",
    environment: {},
  });
  if (!reading.ok) throw new Error(JSON.stringify(reading.faults));
  return reading.config.model_list.map((entry) => createDeployment(reading.config, entry));
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const draws = 20_000;

function shareOfFirst(deployments: readonly Deployment[], random: () => number): number[] {
  const counts = deployments.map(() => 0);
  for (let draw = 0; draw < draws; draw += 1) {
    const first = Number(balance(deployments, random)[0]?.upstreamModel);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

test.each([
  ["equal where none is given", [undefined, undefined, undefined], [1 / 3, 1 / 3, 1 / 3]],
  ["in proportion to the weights", [7, 2, 1], [0.7, 0.2, 0.1]],
  ["in proportion to small weights too", [0.0003, 0.0001], [0.75, 0.25]],
  ["in proportion to huge weights too", [3e9, 1e9], [0.75, 0.25]],
  ["none for weight 0", [1, 0, 1], [0.5, 0, 0.5]],
])("each deployment's share of first tries is %s", (_what, weights, shares) => {
  const drawn = shareOfFirst(deploymentsOf(weights), seeded(42));

  // Five standard deviations of a share of a half, at this many draws, are 0.018.
  for (const [index, share] of shares.entries())
    expect(Math.abs((drawn[index] ?? 0) - share)).toBeLessThan(0.02);
});

test("every deployment is in the order once, those of weight 0 last", () => {
  const random = seeded(7);

  for (let draw = 0; draw < 200; draw += 1) {
    const order = balance(deploymentsOf([1, 0, 5, 0]), random).map(
      ({ upstreamModel }) => upstreamModel,
    );
    expect(order.toSorted()).toEqual(["0", "1", "2", "3"]);
    expect(new Set(order.slice(2))).toEqual(new Set(["1", "3"]));
  }
});

test("the extremes of a random source are no trouble", () => {
  const deployments = deploymentsOf([1, 1, 0]);

  for (const value of [0, 1 - 2 ** -53]) expect(balance(deployments, () => value)).toHaveLength(3);
});

test("those that cannot be called are left out", () => {
  const [first, second] = deploymentsOf([1, 1]);
  if (!first || !second) throw new Error("Expected two deployments");

  expect(balance([{ ...first, unavailable: "no key" }, second])).toEqual([second]);
  expect(balance([{ ...first, unavailable: "no key" }])).toEqual([]);
});
