import * as fc from "fast-check";
import type {
  Response,
  ResponseCustomToolCallItem,
  ResponseOutputItem,
  ResponseOutputText,
  ResponseStreamEvent,
} from "openai/resources/responses/responses";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { Usage } from "../../../../shared/spend.ts";
import { GatewayError } from "../../../errors.ts";
import type { ModelEvent } from "../../../providers/model-event.ts";
import type { ReplyHead } from "../../dialect.ts";
import { responses } from "../responses.ts";
import { sealThoughts, unsealThoughts } from "../sealed-thoughts.ts";
import type { OutputItem } from "./output-items.ts";

const usage: Usage = {
  input: 100,
  cache_read: 50,
  cache_write: 20,
  cache_write_1h: 10,
  input_audio: 0,
  output: 40,
  reasoning: 12,
  output_audio: 0,
};

function headOf(request: Record<string, unknown> = {}): ReplyHead {
  const asked = { model: "coder", input: "hi", stream: true, ...request };
  return {
    id: "1",
    model: "coder",
    createdAtMs: 1_764_000_000_500,
    request: asked,
    promptTokens: 9,
  };
}

const sealing = { include: ["reasoning.encrypted_content"] };

function streamOf(events: readonly ModelEvent[], head = headOf()): ResponseStreamEvent[] {
  const encoder = responses.createEncoder(head);
  return parse(events.map((event) => encoder.encode(event)).join("") + encoder.end());
}

/** Every event has its type on its own line, and again in its data. */
function parse(text: string): ResponseStreamEvent[] {
  const events = text.split("\n\n");
  expect(events.pop()).toBe("");
  return events.map((event) => {
    const [, type, data] = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(event) ?? [];
    const parsed: ResponseStreamEvent = JSON.parse(data ?? "");
    expect(parsed.type).toBe(type);
    return parsed;
  });
}

/** What happens between `response.in_progress` and the end, without its number. */
function itemsEvents(events: readonly ModelEvent[], head = headOf()): unknown[] {
  return streamOf(events, head)
    .slice(2, -1)
    .map((event) => ({ ...event, sequence_number: undefined }));
}

type Unnumbered<Event> = Event extends unknown ? Omit<Event, "sequence_number"> : never;
/** Holds what is expected to the types of OpenAI's library. */
const expected = (...events: Unnumbered<ResponseStreamEvent>[]) => events;

function lastOf(events: readonly ResponseStreamEvent[]): Response {
  const last = events.at(-1);
  if (last && "response" in last) return last.response;
  throw new Error("the last event holds no response");
}

const patch = (status: "in_progress" | "completed", input: string): ResponseCustomToolCallItem => ({
  id: "ctc_1_1",
  type: "custom_tool_call",
  status,
  call_id: "b",
  name: "apply_patch",
  input,
});

const hello: ModelEvent[] = [
  { type: "start", id: "upstream" },
  { type: "text-delta", text: "Hel" },
  { type: "text-delta", text: "lo" },
  { type: "finish", reason: "stop" },
  { type: "usage", usage },
];

test("the items of a reply are of OpenAI's types", () => {
  expectTypeOf<OutputItem>().toExtend<ResponseOutputItem>();
});

describe("a stream", () => {
  test("of a text has the events of OpenAI's, in their order", () => {
    const place = { item_id: "msg_1_0", output_index: 0, content_index: 0 };
    const empty: ResponseOutputText = {
      type: "output_text",
      text: "",
      annotations: [],
      logprobs: [],
    };
    const part = { ...empty, text: "Hello" };
    const item = { id: "msg_1_0", type: "message", role: "assistant" } as const;
    expect(itemsEvents(hello)).toEqual(
      expected(
        {
          type: "response.output_item.added",
          output_index: 0,
          item: { ...item, status: "in_progress", content: [] },
        },
        { type: "response.content_part.added", ...place, part: empty },
        { type: "response.output_text.delta", ...place, delta: "Hel", logprobs: [] },
        { type: "response.output_text.delta", ...place, delta: "lo", logprobs: [] },
        { type: "response.output_text.done", ...place, text: "Hello", logprobs: [] },
        { type: "response.content_part.done", ...place, part },
        {
          type: "response.output_item.done",
          output_index: 0,
          item: { ...item, status: "completed", content: [part] },
        },
      ),
    );
  });

  test("begins with the response as it was asked for, and ends with it as it is", () => {
    const head = headOf({ temperature: 0.5, tools: [], instructions: "Be brief", store: true });
    const events = streamOf(hello, head);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
    const echo = {
      id: "resp_1",
      object: "response",
      created_at: 1_764_000_000,
      error: null,
      incomplete_details: null,
      instructions: "Be brief",
      metadata: {},
      model: "coder",
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: { effort: null, summary: null },
      temperature: 0.5,
      text: { format: { type: "text" } },
      tool_choice: "auto",
      tools: [],
      top_p: null,
      truncation: "disabled",
    } satisfies Partial<Response>;
    const begun = { ...echo, status: "in_progress", output: [], usage: null, store: false };
    expect(events[0]).toMatchObject({ type: "response.created", response: begun });
    expect(events[1]).toMatchObject({ type: "response.in_progress", response: begun });
    expect(events.at(-1)).toMatchObject({
      type: "response.completed",
      response: {
        ...echo,
        status: "completed",
        output: [{ type: "message", content: [{ text: "Hello" }] }],
        usage: {
          input_tokens: 180,
          input_tokens_details: { cached_tokens: 50, cache_write_tokens: 30 },
          output_tokens: 40,
          output_tokens_details: { reasoning_tokens: 12 },
          total_tokens: 220,
        } satisfies Response["usage"],
      },
    });
  });

  test("of a thought shows it as a summary, and seals its signature where that was asked for", () => {
    const thought: ModelEvent[] = [
      { type: "reasoning-delta", text: "Let me" },
      { type: "reasoning-delta", text: " see" },
      { type: "reasoning-signature", signature: "sig" },
    ];
    const place = { item_id: "rs_1_0", output_index: 0, summary_index: 0 };
    const item = { id: "rs_1_0", type: "reasoning" } as const;
    const part = { type: "summary_text", text: "Let me see" } as const;
    const sealed = sealThoughts(
      [{ type: "thinking", thinking: "Let me see", signature: "sig" }],
      [],
    );
    const events = (closed: object) =>
      expected(
        { type: "response.output_item.added", output_index: 0, item: { ...item, summary: [] } },
        {
          type: "response.reasoning_summary_part.added",
          ...place,
          part: { type: "summary_text", text: "" },
        },
        { type: "response.reasoning_summary_text.delta", ...place, delta: "Let me" },
        { type: "response.reasoning_summary_text.delta", ...place, delta: " see" },
        { type: "response.reasoning_summary_text.done", ...place, text: "Let me see" },
        { type: "response.reasoning_summary_part.done", ...place, part },
        {
          type: "response.output_item.done",
          output_index: 0,
          item: { ...item, summary: [part], ...closed },
        },
      );
    expect(itemsEvents(thought)).toEqual(events({}));
    expect(itemsEvents(thought, headOf(sealing))).toEqual(events({ encrypted_content: sealed }));
  });

  test("of calls gives each its own item, by the names that the client knows", () => {
    const tools = [
      { type: "custom", name: "apply_patch" },
      { type: "namespace", name: "crm", tools: [{ type: "function", name: "find" }] },
    ];
    const calls: ModelEvent[] = [
      { type: "tool-call", index: 0, id: "a", name: "crm__find" },
      { type: "tool-arguments-delta", index: 0, json: '{"q":' },
      { type: "tool-arguments-delta", index: 0, json: "1}" },
      { type: "tool-call", index: 1, id: "b", name: "apply_patch" },
      { type: "tool-arguments-delta", index: 1, json: '{"input":"*** Be' },
      { type: "tool-arguments-delta", index: 1, json: 'gin\\n"}' },
      { type: "finish", reason: "tool-calls" },
    ];
    const found = { id: "fc_1_0", type: "function_call", call_id: "a" } as const;
    const named = { ...found, name: "find", namespace: "crm" };
    const place = { item_id: "fc_1_0", output_index: 0 };
    const patchPlace = { item_id: "ctc_1_1", output_index: 1 };
    expect(itemsEvents(calls, headOf({ tools }))).toEqual(
      expected(
        {
          type: "response.output_item.added",
          output_index: 0,
          item: { ...named, status: "in_progress", arguments: "" },
        },
        { type: "response.function_call_arguments.delta", ...place, delta: '{"q":' },
        { type: "response.function_call_arguments.delta", ...place, delta: "1}" },
        {
          type: "response.function_call_arguments.done",
          ...place,
          name: "find",
          arguments: '{"q":1}',
        },
        {
          type: "response.output_item.done",
          output_index: 0,
          item: { ...named, status: "completed", arguments: '{"q":1}' },
        },
        {
          type: "response.output_item.added",
          output_index: 1,
          item: patch("in_progress", ""),
        },
        { type: "response.custom_tool_call_input.delta", ...patchPlace, delta: "*** Begin\n" },
        { type: "response.custom_tool_call_input.done", ...patchPlace, input: "*** Begin\n" },
        {
          type: "response.output_item.done",
          output_index: 1,
          item: patch("completed", "*** Begin\n"),
        },
      ),
    );
  });

  test("of a search for tools has its arguments as they are", () => {
    const events: ModelEvent[] = [
      { type: "tool-call", index: 0, id: "s", name: "tool_search" },
      { type: "tool-arguments-delta", index: 0, json: '{"query":' },
      { type: "tool-arguments-delta", index: 0, json: '"mail"}' },
    ];
    const item = {
      id: "tsc_1_0",
      type: "tool_search_call",
      call_id: "s",
      execution: "client",
    } as const;
    const tools = [{ type: "tool_search", execution: "client" }];
    expect(itemsEvents(events, headOf({ tools }))).toEqual(
      expected(
        {
          type: "response.output_item.added",
          output_index: 0,
          item: { ...item, status: "in_progress", arguments: {} },
        },
        {
          type: "response.output_item.done",
          output_index: 0,
          item: { ...item, status: "completed", arguments: { query: "mail" } },
        },
      ),
    );
  });

  test("of a call without arguments gives it an empty object, which clients can parse", () => {
    const called: ModelEvent = { type: "tool-call", index: 0, id: "a", name: "f" };
    const place = { item_id: "fc_1_0", output_index: 0 };
    expect(itemsEvents([called]).slice(1, 3)).toEqual(
      expected(
        { type: "response.function_call_arguments.delta", ...place, delta: "{}" },
        { type: "response.function_call_arguments.done", ...place, name: "f", arguments: "{}" },
      ),
    );
  });

  test("of a refusal after a text has both as parts of one message", () => {
    const place = { item_id: "msg_1_0", output_index: 0, content_index: 1 };
    const events = itemsEvents([
      { type: "text-delta", text: "Well" },
      { type: "refusal-delta", text: "No" },
      { type: "finish", reason: "content-filter" },
    ]);
    expect(events.slice(5, 9)).toEqual(
      expected(
        { type: "response.content_part.added", ...place, part: { type: "refusal", refusal: "" } },
        { type: "response.refusal.delta", ...place, delta: "No" },
        { type: "response.refusal.done", ...place, refusal: "No" },
        { type: "response.content_part.done", ...place, part: { type: "refusal", refusal: "No" } },
      ),
    );
    expect(events.at(-1)).toMatchObject({ item: { status: "incomplete" } });
  });

  test("of an image has it as the result of a call", () => {
    const events = itemsEvents([{ type: "image", mediaType: "image/png", data: "aWNl" }]);
    const item = { id: "ig_1_0", type: "image_generation_call" } as const;
    expect(events).toEqual(
      expected(
        {
          type: "response.output_item.added",
          output_index: 0,
          item: { ...item, status: "in_progress", result: null },
        },
        {
          type: "response.output_item.done",
          output_index: 0,
          item: { ...item, status: "completed", result: "aWNl" },
        },
      ),
    );
  });

  test.each([
    ["length", "max_output_tokens"],
    ["content-filter", "content_filter"],
  ] as const)("that ends for %s is incomplete for %s", (reason, told) => {
    const last = streamOf([
      { type: "text-delta", text: "Hel" },
      { type: "finish", reason },
    ]).at(-1);
    expect(last).toMatchObject({
      type: "response.incomplete",
      response: {
        status: "incomplete",
        incomplete_details: { reason: told },
        output: [{ status: "incomplete" }],
      },
    });
  });

  test.each(["stop", "tool-calls", "pause"] as const)("that ends for %s is complete", (reason) => {
    expect(streamOf([{ type: "finish", reason }]).at(-1)?.type).toBe("response.completed");
  });

  test("of a custom tool's call that was cut off gives what came of it", () => {
    const [item] = lastOf(
      streamOf(
        [
          { type: "tool-call", index: 0, id: "b", name: "apply_patch" },
          { type: "tool-arguments-delta", index: 0, json: '{"input":"*** Be' },
          { type: "finish", reason: "length" },
        ],
        headOf({ tools: [{ type: "custom", name: "apply_patch" }] }),
      ),
    ).output;
    expect(item).toMatchObject({ status: "incomplete", input: '{"input":"*** Be' });
  });
});

const sealsOf = (events: readonly ModelEvent[]) =>
  lastOf(streamOf(events, headOf(sealing))).output.map((item) =>
    item.type === "reasoning" ? unsealThoughts(item.encrypted_content ?? "") : item.type,
  );

describe("signatures", () => {
  test("of two thoughts, one of them not to be shown, are sealed one by one", () => {
    expect(
      sealsOf([
        { type: "reasoning-redacted", data: "xyz" },
        { type: "reasoning-delta", text: "a" },
        { type: "reasoning-signature", signature: "1" },
        { type: "reasoning-delta", text: "b" },
        { type: "reasoning-signature", signature: "2" },
      ]),
    ).toMatchObject([
      { thinking: [{ type: "redacted_thinking", data: "xyz" }] },
      { thinking: [{ thinking: "a", signature: "1" }] },
      { thinking: [{ thinking: "b", signature: "2" }] },
    ]);
  });

  test("of a call go into the thought before it, or into an empty one", () => {
    expect(
      sealsOf([
        { type: "reasoning-delta", text: "a" },
        { type: "tool-call", index: 0, id: "x", name: "f", thoughtSignature: "1" },
        { type: "tool-call", index: 1, id: "y", name: "f", thoughtSignature: "2" },
      ]),
    ).toMatchObject([
      { thinking: [], calls: [["x", "1"]] },
      "function_call",
      { thinking: [], calls: [["y", "2"]] },
      "function_call",
    ]);
  });

  test("leave no empty items where nobody asked for them", () => {
    const { output } = lastOf(
      streamOf([
        { type: "reasoning-redacted", data: "xyz" },
        { type: "reasoning-signature", signature: "1" },
        { type: "tool-call", index: 0, id: "x", name: "f", thoughtSignature: "1" },
      ]),
    );
    expect(output.map(({ type }) => type)).toEqual(["function_call"]);
  });

  test("come back to the model as the provider gave them", () => {
    const { output } = lastOf(
      streamOf(
        [
          { type: "reasoning-delta", text: "a" },
          { type: "reasoning-signature", signature: "1" },
          { type: "text-delta", text: "Calling" },
          { type: "tool-call", index: 0, id: "x", name: "f", thoughtSignature: "2" },
          { type: "tool-arguments-delta", index: 0, json: "{}" },
        ],
        headOf(sealing),
      ),
    );
    const result = { type: "function_call_output", call_id: "x", output: "1" };
    const { chat } = responses.toChat({ model: "m", input: [...output, result] });
    expect(chat.messages[0]).toMatchObject({
      content: "Calling",
      thinking_blocks: [{ type: "thinking", thinking: "a", signature: "1" }],
      tool_calls: [{ id: "x", extra_content: { google: { thought_signature: "2" } } }],
    });
  });
});

function failed(error: GatewayError): ResponseStreamEvent[] {
  const encoder = responses.createEncoder(headOf());
  return parse(encoder.encode({ type: "text-delta", text: "Hel" }) + encoder.fail(error));
}

describe("a failure", () => {
  test("is the last event, and no end", () => {
    const events = failed(new GatewayError("upstream_failed", "The upstream broke off"));
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      response: {
        status: "failed",
        error: { code: "server_error", message: "The upstream broke off" },
      },
    });
  });

  test("has a beginning before it, even where nothing came", () => {
    const text = responses.createEncoder(headOf()).fail(new GatewayError("internal", "x"));
    expect(parse(text).map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.failed",
    ]);
  });

  const upstream = { status: 400, type: "invalid_request_error", code: "context_length_exceeded" };
  test.each([
    [new GatewayError("budget_exceeded", "x"), "insufficient_quota"],
    [new GatewayError("upstream_rate_limited", "x"), "rate_limit_exceeded"],
    [new GatewayError("upstream_refused", "x", { upstream }), "context_length_exceeded"],
    [new GatewayError("upstream_refused", "x"), "invalid_prompt"],
    [new GatewayError("upstream_timeout", "x"), "server_error"],
  ])("of %s is told by a code that clients act on", (error, code) => {
    expect(lastOf(failed(error)).error?.code).toBe(code);
  });
});

const text = fc.string({ unit: "grapheme", maxLength: 8 });
const call = fc
  .tuple(fc.constantFrom("f", "patch"), fc.array(text, { maxLength: 3 }), fc.option(text))
  .map(([name, pieces, signature]) => ({ name, pieces, signature }));
const block = fc.oneof(
  text.map((said): ModelEvent[] => [{ type: "text-delta", text: said }]),
  text.map((said): ModelEvent[] => [{ type: "refusal-delta", text: said }]),
  text.map((thought): ModelEvent[] => [{ type: "reasoning-delta", text: thought }]),
  text.map((signature): ModelEvent[] => [{ type: "reasoning-signature", signature }]),
  text.map((data): ModelEvent[] => [{ type: "reasoning-redacted", data }]),
  call,
);
const reply = fc
  .tuple(
    fc.array(block),
    fc.constantFrom("stop", "length", "content-filter", "tool-calls", "pause"),
  )
  .map(([blocks, reason]): ModelEvent[] => [
    ...blocks.flatMap((given, index) => ("name" in given ? callEvents(given, index) : given)),
    { type: "usage", usage },
    { type: "finish", reason },
  ]);

function callEvents(
  { name, pieces, signature }: { name: string; pieces: string[]; signature: string | null },
  index: number,
): ModelEvent[] {
  const signed = signature === null ? {} : { thoughtSignature: signature };
  return [
    { type: "tool-call", index, id: `call_${index}`, name, ...signed },
    ...pieces.map((json): ModelEvent => ({ type: "tool-arguments-delta", index, json })),
  ];
}

/** The texts that the deltas of a stream add up to, by their item and part. */
function joinedDeltas(events: readonly ResponseStreamEvent[]): Map<string, string> {
  const joined = new Map<string, string>();
  for (const event of events) {
    if (!("delta" in event) || !("item_id" in event)) continue;
    const part = "content_index" in event ? event.content_index : 0;
    const key = `${event.item_id} ${part}`;
    joined.set(key, (joined.get(key) ?? "") + event.delta);
  }
  return joined;
}

function textsOf({ output }: Response): Map<string, string> {
  const texts = output.flatMap((item): [string, string][] => {
    switch (item.type) {
      case "message":
        return item.content.map((part, index) => [
          `${item.id} ${index}`,
          part.type === "refusal" ? part.refusal : part.text,
        ]);
      case "reasoning":
        return item.summary.map((part) => [`${item.id} 0`, part.text]);
      case "function_call":
        return item.arguments ? [[`${item.id} 0`, item.arguments]] : [];
      case "custom_tool_call":
        return [[`${item.id} 0`, item.input]];
      default:
        return [];
    }
  });
  return new Map(texts);
}

test("a stream adds up to the whole reply, whatever the model says", () => {
  fc.assert(
    fc.property(reply, fc.boolean(), (events, seals) => {
      const tools = [
        { type: "function", name: "f" },
        { type: "custom", name: "patch" },
      ];
      const head = headOf({ tools, ...(seals && sealing) });
      const streamed = streamOf(events, head);
      const last = lastOf(streamed);
      expect(last).toEqual(JSON.parse(JSON.stringify(responses.encodeReply(events, head))));
      const deltas = [...joinedDeltas(streamed)].filter(([, joined]) => joined);
      expect(new Map(deltas)).toEqual(new Map([...textsOf(last)].filter(([, whole]) => whole)));
      const done = streamed.filter((event) => event.type === "response.output_item.done");
      expect(done.map(({ item }) => item)).toEqual(last.output);
    }),
  );
});
