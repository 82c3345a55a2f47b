/** The calls that every scenario makes, what the mock upstream answers, and what that costs. */

const prices = { promptUsd: 0.000001, completionUsd: 0.000002 };
const promptTokens = 212;
const chatCompletionTokens = 187;
const aboutOneKilobyte =
  "What a gateway adds to a call is work that the caller did not ask for. ".repeat(13);

export interface Scenario {
  title: string;
  body: string;
  stream: boolean;
  connections: number;
  /** Micro-US-dollars, so that a sum over a run is an exact integer. */
  costMicroUsd: number;
  /** CPU per call at most, in multiples of the bare proxy's, without and with budgets and limits; undefined where none is set. */
  targets: { plain: number; limited: number } | undefined;
}

export function chatScenario(): Scenario {
  return {
    title: "chat: 1 KB asked, 1 KB answered, 32 connections",
    body: requestBody({}),
    stream: false,
    connections: 32,
    costMicroUsd: costMicroUsd(chatCompletionTokens),
    targets: { plain: 1.6, limited: 1.8 },
  };
}

export function streamScenario(chunks: number): Scenario {
  return {
    title: `stream: ${chunks} chunks a call, 64 connections`,
    body: requestBody({ stream: true, max_tokens: chunks }),
    stream: true,
    connections: 64,
    costMicroUsd: costMicroUsd(chunks),
    targets: { plain: 1.3, limited: 1.3 },
  };
}

/** Far more calls under way than the nursery of a garbage collector has room for. */
export function crowdScenario(): Scenario {
  return {
    title: "crowd: 1 KB asked, 1 KB answered after 50 ms, 1,000 connections",
    body: requestBody({ wait_ms: 50 }),
    stream: false,
    connections: 1000,
    costMicroUsd: costMicroUsd(chatCompletionTokens),
    targets: undefined,
  };
}

/** The deployment's entry in config.yaml, priced as the scenarios expect. */
export function deploymentOf(upstreamPort: number) {
  return {
    model_name: "bench",
    litellm_params: {
      model: "openai/bench",
      api_base: `http://127.0.0.1:${upstreamPort}/v1`,
      api_key: "upstream-key",
      input_cost_per_token: prices.promptUsd,
      output_cost_per_token: prices.completionUsd,
    },
  };
}

export function chatReply(): Buffer {
  const message = { role: "assistant", content: aboutOneKilobyte.slice(0, 700) };
  return json({
    ...completion("chat.completion"),
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: usage(chatCompletionTokens),
  });
}

/** One event of a stream; the last of a reply says why it stopped. */
export function streamEvent({ last }: { last: boolean }): Buffer {
  const choice = { index: 0, delta: { content: " word" }, finish_reason: last ? "stop" : null };
  return event({ ...completion("chat.completion.chunk"), choices: [choice] });
}

export function streamUsageEvent(chunks: number): Buffer {
  return event({ ...completion("chat.completion.chunk"), choices: [], usage: usage(chunks) });
}

function requestBody(fields: { stream?: boolean; max_tokens?: number; wait_ms?: number }): string {
  return JSON.stringify({
    model: "bench",
    messages: [{ role: "user", content: aboutOneKilobyte }],
    ...fields,
  });
}

function costMicroUsd(completionTokens: number): number {
  return Math.round(
    1e6 * (promptTokens * prices.promptUsd + completionTokens * prices.completionUsd),
  );
}

function completion(object: string) {
  return {
    id: "chatcmpl-bench",
    object,
    created: 1_700_000_000,
    model: "bench",
    system_fingerprint: "fp_bench",
  };
}

function usage(completionTokens: number) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function event(value: object): Buffer {
  return Buffer.concat([Buffer.from("data: "), json(value), Buffer.from("\n\n")]);
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
