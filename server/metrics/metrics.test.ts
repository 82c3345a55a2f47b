import { expect, test } from "vitest";
import type { Units } from "../../shared/spend.ts";
import { nothingUsed } from "../providers/media-usage.ts";
import { parseMetrics } from "../testing/metrics-page.ts";
import type { AttemptFacts } from "./attempt-tallies.ts";
import { Metrics } from "./metrics.ts";

const facts: AttemptFacts = {
  modelGroup: "gpt",
  deployment: "d1",
  provider: "openai",
  status: "success",
  errorCode: null,
  isStream: false,
  durationMs: 1500,
  firstByteMs: 20,
  usage: {
    input: 100,
    cache_read: 30,
    cache_write: 0,
    cache_write_1h: 0,
    input_audio: 0,
    output: 50,
    reasoning: 20,
    output_audio: 0,
  },
  cost: 2_500_000_000n,
};
const failed: AttemptFacts = {
  ...facts,
  status: "failure",
  errorCode: "upstream_timeout",
  firstByteMs: undefined,
  usage: undefined,
  cost: 0n,
};

function createMetrics(configured: readonly string[] = ["gpt"]): Metrics {
  return new Metrics({ isConfigured: (name) => configured.includes(name) });
}

/** Our own samples, those that are zero included. */
async function pageOf(metrics: Metrics): Promise<Record<string, number>> {
  const page = parseMetrics(await metrics.text());
  return Object.fromEntries([...page].filter(([name]) => name.startsWith("keyplane_")));
}

/** Those with this name, by the value of one label. */
async function countsBy(metrics: Metrics, name: string, label: string) {
  const page = Object.entries(await pageOf(metrics)).filter(([key]) => key.startsWith(`${name}{`));
  const valueOf = (key: string) => new RegExp(`[{,]${label}="([^"]*)"`).exec(key)?.[1];
  return Object.fromEntries(page.map(([key, value]) => [valueOf(key), value]));
}

test("attempts of a deployment are counted by how they ended, with their tokens and what they cost", async () => {
  const metrics = createMetrics();
  metrics.attempt(facts);
  metrics.attempt(facts);
  metrics.attempt({ ...facts, isStream: true, cost: undefined });
  metrics.attempt(failed);

  const page = await pageOf(metrics);

  const of = `deployment="d1"`;
  const end = `model_group="gpt",provider="openai",status=`;
  const rest = `model_group="gpt",provider="openai"`;
  const counters = Object.entries(page).filter(([name]) => /_total\{/.test(name));
  expect(Object.fromEntries(counters)).toEqual({
    [`keyplane_attempts_total{${of},error_code="",${end}"success",streamed="false"}`]: 2,
    [`keyplane_attempts_total{${of},error_code="",${end}"success",streamed="true"}`]: 1,
    [`keyplane_attempts_total{${of},error_code="upstream_timeout",${end}"failure",streamed="false"}`]: 1,
    [`keyplane_tokens_total{bucket="input",${of},${rest}}`]: 300,
    [`keyplane_tokens_total{bucket="cache_read",${of},${rest}}`]: 90,
    [`keyplane_tokens_total{bucket="output",${of},${rest}}`]: 150,
    [`keyplane_tokens_total{bucket="reasoning",${of},${rest}}`]: 60,
    [`keyplane_spend_usd_total{${of},${rest}}`]: 0.005,
    [`keyplane_unpriced_attempts_total{${of},${rest}}`]: 1,
  });
});

test("what attempts consumed beside tokens is counted by its unit, and of what has none there is no line", async () => {
  const metrics = createMetrics();
  const consume = (units: Units, deployment = "d1") =>
    metrics.attempt({ ...facts, deployment, usage: { ...nothingUsed, units } });
  consume({ images: 2, output_image_tokens: 1290 });
  consume({ images: 1, searches: 0 });
  consume({ audio_ms: 1500 }, "d2");
  metrics.attempt(facts);
  metrics.attempt(failed);

  const page = Object.entries(await pageOf(metrics));

  const of = `model_group="gpt",provider="openai",unit=`;
  expect(Object.fromEntries(page.filter(([name]) => name.includes("_units_")))).toEqual({
    [`keyplane_units_total{deployment="d1",${of}"images"}`]: 3,
    [`keyplane_units_total{deployment="d1",${of}"output_image_tokens"}`]: 1290,
    [`keyplane_units_total{deployment="d2",${of}"audio_ms"}`]: 1500,
  });
});

test("durations and times to the first token are in seconds; what nobody saw is in neither", async () => {
  const metrics = createMetrics();
  metrics.attempt(facts);
  metrics.attempt({ ...facts, durationMs: 2560 });
  metrics.attempt({ ...facts, durationMs: 5_000_000 });
  metrics.attempt({ ...failed, durationMs: undefined });

  const page = await pageOf(metrics);

  const series = `deployment="d1",model_group="gpt",provider="openai",status="success",streamed="false"`;
  const bucket = (le: string) =>
    page[
      `keyplane_attempt_duration_seconds_bucket{${series.replace("model", `le="${le}",model`)}}`
    ];
  expect(["1.28", "2.56", "655.36", "+Inf"].map(bucket)).toEqual([0, 2, 2, 3]);
  expect(page[`keyplane_attempt_duration_seconds_sum{${series}}`]).toBe(5004.06);
  expect(page[`keyplane_attempt_duration_seconds_count{${series}}`]).toBe(3);
  expect(page[`keyplane_time_to_first_token_seconds_sum{${series}}`]).toBeCloseTo(0.06);
  expect(page[`keyplane_time_to_first_token_seconds_count{${series}}`]).toBe(3);
  expect(Object.keys(page).filter((name) => /_seconds_count.*"failure"/.test(name))).toEqual([]);
});

test("names that clients make up are told apart up to a bound, those of the config always", async () => {
  const metrics = createMetrics(["gpt", "late"]);
  for (let index = 0; index < 1_000; index += 1)
    metrics.attempt({ ...facts, modelGroup: `wild/${index}`, deployment: `d${index}` });
  metrics.attempt({ ...facts, modelGroup: "wild/7", deployment: "d7" });
  metrics.attempt({ ...facts, modelGroup: "late", deployment: "d-late" });

  const counts = await countsBy(metrics, "keyplane_attempts_total", "model_group");

  expect(Object.keys(counts)).toHaveLength(202);
  expect(counts).toMatchObject({ "wild/7": 2, late: 1, other: 800 });
});

test("codes that upstreams make up are told apart up to a bound, our own always", async () => {
  const metrics = createMetrics();
  for (let index = 0; index < 100; index += 1)
    metrics.attempt({ ...failed, errorCode: `made_up_${index}` });
  metrics.attempt(failed);

  const counts = await countsBy(metrics, "keyplane_attempts_total", "error_code");

  expect(Object.keys(counts)).toHaveLength(52);
  expect(counts).toMatchObject({ made_up_0: 1, upstream_timeout: 1, other: 50 });
});

test("a name cannot break the page", async () => {
  const metrics = createMetrics();
  const names = ['a"b', "a\\b", "a\nb", 'a"} 1\nkeyplane_forged 1', "a\ud800b", "a\ud801b", "é世"];
  for (const modelGroup of [...names, "x".repeat(256)]) metrics.attempt({ ...facts, modelGroup });

  const page = await pageOf(metrics);

  const series = Object.keys(page).filter((name) => name.startsWith("keyplane_attempts_total"));
  expect(series).toHaveLength(6);
  expect(page).not.toHaveProperty("keyplane_forged");
});

test("a gauge is read when somebody looks, and has no line before it can be", async () => {
  const metrics = createMetrics();
  expect(Object.keys(await pageOf(metrics))).toEqual([]);

  let calls = 3;
  metrics.watch({ callsInFlight: () => calls });
  metrics.watch({ journalBytes: () => 4096 });
  calls = 5;

  expect(await pageOf(metrics)).toEqual({
    keyplane_calls_in_flight: 5,
    keyplane_journal_bytes: 4096,
  });
});

test("a counter goes up from one look to the next", async () => {
  const metrics = createMetrics();
  metrics.refuse("key_blocked");
  const before = await pageOf(metrics);
  metrics.refuse("key_blocked");

  const name = 'keyplane_requests_refused_total{code="key_blocked"}';
  expect([before[name], (await pageOf(metrics))[name]]).toEqual([1, 2]);
});
