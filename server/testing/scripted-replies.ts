export interface ScriptedCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What every answer is reported to take. */
export const scriptedTokens = { input: 1000, output: 500 };

/** One answer of a scripted model. */
export interface Turn {
  readonly text: string;
  /** With its input as text. */
  readonly call: (ScriptedCall & { readonly json: string }) | undefined;
}

const { input, output } = scriptedTokens;

const chatUsage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };

const chatHead = { id: "chatcmpl-1", created: 1_700_000_000, model: "gpt-real-2026" };

export function chatReply({ text, call }: Turn) {
  const called = call && { id: "call_1", type: "function", function: functionOf(call) };
  const message = { role: "assistant", content: text, ...(called && { tool_calls: [called] }) };
  const choice = { index: 0, message, finish_reason: call ? "tool_calls" : "stop" };
  return { ...chatHead, object: "chat.completion", choices: [choice], usage: chatUsage };
}

function functionOf({ name, json }: NonNullable<Turn["call"]>) {
  return { name, arguments: json };
}

export function chatEvents({ text, call }: Turn) {
  const head = { ...chatHead, object: "chat.completion.chunk" };
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const begun = { index: 0, id: "call_1", type: "function" };
  return [
    chunk({ role: "assistant", content: "" }),
    ...halves(text).map((content) => chunk({ content })),
    ...(call
      ? [
          chunk({ tool_calls: [{ ...begun, function: { name: call.name, arguments: "" } }] }),
          ...halves(call.json).map((json) =>
            chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] }),
          ),
        ]
      : []),
    chunk({}, call ? "tool_calls" : "stop"),
    { ...head, choices: [], usage: chatUsage },
  ];
}

const messageHead = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-real-2026",
  stop_sequence: null,
};

const messageUsage = {
  input_tokens: input,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: output,
};

const stopReasonOf = ({ call }: Turn) => (call ? "tool_use" : "end_turn");

export function messageReply(turn: Turn) {
  const { text, call } = turn;
  const content = [
    { type: "text", text },
    ...(call ? [{ type: "tool_use", id: "toolu_1", name: call.name, input: call.input }] : []),
  ];
  return { ...messageHead, content, stop_reason: stopReasonOf(turn), usage: messageUsage };
}

export function messageEvents(turn: Turn) {
  const { text, call } = turn;
  const message = {
    ...messageHead,
    content: [],
    stop_reason: null,
    usage: { ...messageUsage, output_tokens: 1 },
  };
  const said = halves(text).map((half) => ({ type: "text_delta", text: half }));
  const called = halves(call?.json ?? "").map((half) => ({
    type: "input_json_delta",
    partial_json: half,
  }));
  return [
    { type: "message_start", message },
    { type: "ping" },
    ...blockEvents(0, { type: "text", text: "" }, said),
    ...(call
      ? blockEvents(1, { type: "tool_use", id: "toolu_1", name: call.name, input: {} }, called)
      : []),
    {
      type: "message_delta",
      delta: { stop_reason: stopReasonOf(turn), stop_sequence: null },
      usage: messageUsage,
    },
    { type: "message_stop" },
  ];
}

function blockEvents(index: number, content_block: object, deltas: readonly object[]) {
  return [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

export function responseReply({ text, call }: Turn) {
  const content = [{ type: "output_text", text, annotations: [], logprobs: [] }];
  const status = "completed";
  const said = { id: "msg_1", type: "message", status, role: "assistant", content };
  const called = call && {
    id: "fc_1",
    type: "function_call",
    status,
    call_id: "call_1",
    ...functionOf(call),
  };
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
  return {
    id: "resp_1",
    object: "response",
    created_at: 1_700_000_000,
    model: "gpt-real-2026",
    status,
    error: null,
    incomplete_details: null,
    output: called ? [said, called] : [said],
    usage,
  };
}

export function responseEvents(turn: Turn) {
  const response = responseReply(turn);
  const unfinished = { ...response, status: "in_progress", output: [], usage: null };
  const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const part = { type: "output_text", annotations: [], logprobs: [] };
  const [said, called] = response.output;
  const call = turn.call && { item_id: "fc_1", output_index: 1 };
  return [
    { type: "response.created", response: unfinished },
    { type: "response.in_progress", response: unfinished },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...said, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
    ...halves(turn.text).map((delta) => ({
      type: "response.output_text.delta",
      ...place,
      delta,
      logprobs: [],
    })),
    { type: "response.output_text.done", ...place, text: turn.text, logprobs: [] },
    { type: "response.content_part.done", ...place, part: { ...part, text: turn.text } },
    { type: "response.output_item.done", output_index: 0, item: said },
    ...(turn.call
      ? [
          {
            type: "response.output_item.added",
            output_index: 1,
            item: { ...called, status: "in_progress", arguments: "" },
          },
          ...halves(turn.call.json).map((delta) => ({
            type: "response.function_call_arguments.delta",
            ...call,
            delta,
          })),
          {
            type: "response.function_call_arguments.done",
            ...call,
            ...functionOf(turn.call),
          },
          { type: "response.output_item.done", output_index: 1, item: called },
        ]
      : []),
    { type: "response.completed", response },
  ].map((event, sequence_number) => ({ ...event, sequence_number }));
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== "");
}
