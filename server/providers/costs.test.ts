import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Usage } from "../../shared/spend.ts";
import { openAiFormat } from "../dialects/chat/dialect.ts";
import type { NativeFormat } from "../dialects/dialect.ts";
import { messages } from "../dialects/messages/messages.ts";
import { responses } from "../dialects/responses/responses.ts";
import { type FakeUpstream, sendJson, startUpstream } from "../testing/fake-upstream.ts";
import { EscapedText } from "../wire/escaped-text.ts";
import type { Span } from "../wire/span.ts";
import { dataOf, SseEvents } from "../wire/sse-events.ts";
import type { Adapter } from "./adapter.ts";
import { priceOf } from "./charge.ts";
import {
  answerOf,
  ask,
  limits,
  readAll,
  settings,
  whole as wholeReply,
} from "./ai-sdk/fixtures/reading.ts";
import { anthropicRows } from "./fixtures/costs/anthropic.ts";
import { googleRows } from "./fixtures/costs/google.ts";
import { libraryRows } from "./fixtures/costs/libraries.ts";
import { openAiRows } from "./fixtures/costs/openai.ts";
import { openAiShapedRows } from "./fixtures/costs/openai-shaped.ts";
import { responsesRows } from "./fixtures/costs/responses.ts";
import type { Charge, CostRow, Reader } from "./fixtures/costs/row.ts";
import { fieldsOf } from "./json.ts";
import type { Library } from "./library.ts";
import type { ModelEvent } from "./model-event.ts";
import { openAiChat } from "./openai-chat/adapter.ts";
import { resolveRates } from "./prices.ts";
import { type Provider, providers } from "./registry.ts";
import { type TokenRates, zeroRates } from "./token-rates.ts";

const rows: readonly CostRow[] = [
  ...openAiRows,
  ...responsesRows,
  ...anthropicRows,
  ...googleRows,
  ...openAiShapedRows,
  ...libraryRows,
];

const noUsage: Usage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const formats = {
  chat: openAiFormat,
  messages: messages.native,
  responses: responses.native,
} satisfies Partial<Record<Reader, NativeFormat>>;

async function readUsage({ provider, model, reply }: CostRow, reader: Reader) {
  const { library, adapter = openAiChat(providers[provider]) }: Provider = providers[provider];
  switch (reader) {
    case "chat":
    case "messages":
    case "responses":
      return readNative(formats[reader], reply);
    case "adapter":
      return lastUsage(decode(adapter, reply));
    case "embeddings":
      return adapter.embeddings?.decode(reply)?.usage;
    case "library":
      return library && lastUsage(await callLibrary(library, model, reply));
  }
}

function readNative(format: NativeFormat, reply: unknown): Usage | undefined {
  if (typeof reply !== "string") return format.readUsage(fieldsOf(reply)["usage"]);
  const read = format.createReader();
  const text = new EscapedText();
  let usage: Usage | undefined;
  eventsOf(reply, (bytes, span) => {
    usage = read(bytes, span, text).usage ?? usage;
  });
  return usage;
}

function decode(adapter: Adapter, reply: unknown): readonly ModelEvent[] {
  if (typeof reply !== "string") return adapter.decodeReply(reply);
  const decodeEvent = adapter.createDecoder();
  const events: ModelEvent[] = [];
  eventsOf(reply, (bytes, span) => {
    const { start, end } = dataOf(bytes, span);
    const data = bytes.toString("utf8", start, end).trim();
    if (data !== "[DONE]") events.push(...decodeEvent(JSON.parse(data)));
  });
  return events;
}

function eventsOf(stream: string, visit: (bytes: Buffer, span: Span) => void): void {
  new SseEvents().push(Buffer.from(stream), (bytes, start, end) => visit(bytes, { start, end }));
}

async function callLibrary(library: Library, model: string, reply: unknown) {
  upstream.answer((_call, response) => sendJson(response, fieldsOf(reply)));
  const opened = await library.open(settings({ model, apiBase: upstream.url }));
  const { answer } = answerOf(await opened.prepareChat(ask(), { ...wholeReply, model })(limits()));
  return (await readAll(answer)).events;
}

function lastUsage(events: readonly ModelEvent[]): Usage | undefined {
  return events.findLast((event) => event.type === "usage")?.usage;
}

function ratesOf({ provider, model, baseModel, at = "2026-11-25T12:00:00Z" }: Priced) {
  const { priceId }: Provider = providers[provider];
  return resolveRates({
    provider,
    priceProviderId: priceId,
    model,
    baseModel,
    own: {},
    at: new Date(at),
  });
}

type Priced = Pick<CostRow, "provider" | "model" | "baseModel" | "at">;

/** A dollar for a million is a million picodollars for one: the digits are the same, with six places behind the point. */
function amountOf([count, usdPerMillion]: Charge): bigint {
  const [dollars = "", rest = ""] = usdPerMillion.split(".");
  return BigInt(count) * BigInt(dollars + rest.padEnd(6, "0"));
}

describe("a reply costs what its vendor publishes, to the picodollar", () => {
  const cases = rows.flatMap((row) =>
    row.readers.map((reader) => [`${row.provider}: ${row.what} (${reader})`, reader, row] as const),
  );

  test.each(cases)("%s", async (_name, reader, row) => {
    expect(row.bill.reduce((sum, charge) => sum + amountOf(charge), 0n)).toBe(row.picodollars);
    const usage = await readUsage(row, reader);
    expect(usage).toEqual({ ...noUsage, ...row.usage });
    const rates = ratesOf(row);
    expect(usage && rates && priceOf(rates, usage)).toBe(row.picodollars);
  });
});

describe("nobody knows what it costs, which is not nothing", () => {
  test.each<Priced>([
    { provider: "openai", model: "gpt-no-such-model" },
    { provider: "azure", model: "gpt-4o" },
    { provider: "anthropic", model: "gpt-4o" },
    { provider: "gemini", model: "tunedModels/our-model" },
    {
      provider: "bedrock",
      model: "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
    },
    { provider: "openrouter", model: "openrouter/auto" },
    { provider: "huggingface", model: "meta-llama/Llama-3.3-70B-Instruct" },
    { provider: "ai_sdk", model: "@ai-sdk/openai/gpt-4o" },
    { provider: "custom_openai", model: "gpt-4o" },
  ])("$provider/$model", (priced) => {
    expect(ratesOf(priced)).toBeUndefined();
  });
});

describe("what is one model under several names has one price", () => {
  test.each<{ one: Priced; other: Priced }>([
    {
      one: { provider: "vertex_ai", model: "claude-sonnet-4-5@20250929" },
      other: { provider: "anthropic", model: "claude-sonnet-4-5-20250929" },
    },
    {
      one: { provider: "vertex_ai", model: "claude-opus-4-1@20250805" },
      other: { provider: "anthropic", model: "claude-opus-4-1-20250805" },
    },
    {
      one: { provider: "gemini", model: "models/gemini-2.5-pro" },
      other: { provider: "gemini", model: "gemini-2.5-pro" },
    },
    {
      one: { provider: "openrouter", model: "openrouter/openai/gpt-4o:floor" },
      other: { provider: "openrouter", model: "openai/gpt-4o" },
    },
    {
      one: { provider: "bedrock", model: "eu.anthropic.claude-haiku-4-5-20251001-v1:0" },
      other: { provider: "bedrock", model: "anthropic.claude-haiku-4-5-20251001-v1:0" },
    },
    {
      one: { provider: "bedrock", model: "apac.amazon.nova-lite-v1:0" },
      other: { provider: "bedrock", model: "amazon.nova-lite-v1:0" },
    },
  ])("$one.model is $other.model", ({ one, other }) => {
    expect(tokenPrices(one)).toHaveLength(buckets.length);
    expect(tokenPrices(one)).toEqual(tokenPrices(other));
  });

  const buckets = Object.keys(zeroRates) as (keyof TokenRates)[]; // Object.keys loses the names

  function tokenPrices(priced: Priced) {
    const rates = ratesOf(priced);
    return rates && buckets.map((bucket) => rates[bucket]);
  }
});
