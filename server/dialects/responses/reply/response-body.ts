import type { Usage } from "../../../../shared/spend.ts";
import type { ReplyHead } from "../../dialect.ts";
import type { OutputItem } from "./output-items.ts";

/** What changes of a response from one of its events to the next. */
export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly incompleteReason: "max_output_tokens" | "content_filter" | undefined;
  readonly output: readonly OutputItem[];
  readonly usage: Usage | undefined;
}

/** The part of a response that says how far it is. */
export function progressOf(head: ReplyHead, state: ResponseState) {
  return {
    id: `resp_${head.id}`,
    object: "response",
    created_at: Math.floor(head.createdAtMs / 1_000),
    status: state.status,
    error: state.error,
    incomplete_details: state.incompleteReason ? { reason: state.incompleteReason } : null,
    model: head.model,
    output: state.output,
    usage: state.usage ? usageOf(state.usage) : null,
  };
}

/**
 * The part that repeats the request, which is most of it where a client brings its tools along. What was not asked for is as
 * OpenAI has it by default, or null where only the upstream knows its default.
 */
export function echoOf({ request }: ReplyHead) {
  return {
    background: false,
    conversation: null,
    instructions: request["instructions"] ?? null,
    max_output_tokens: request["max_output_tokens"] ?? null,
    max_tool_calls: request["max_tool_calls"] ?? null,
    metadata: request["metadata"] ?? {},
    parallel_tool_calls: request["parallel_tool_calls"] ?? true,
    previous_response_id: null,
    prompt_cache_key: request["prompt_cache_key"] ?? null,
    reasoning: request["reasoning"] ?? { effort: null, summary: null },
    safety_identifier: request["safety_identifier"] ?? null,
    service_tier: "default",
    store: false,
    temperature: request["temperature"] ?? null,
    text: request["text"] ?? { format: { type: "text" } },
    tool_choice: request["tool_choice"] ?? "auto",
    tools: request["tools"] ?? [],
    top_logprobs: 0,
    top_p: request["top_p"] ?? null,
    truncation: "disabled",
    user: request["user"] ?? null,
  };
}

/** Source: https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage */
function usageOf(usage: Usage) {
  const cacheWrite = usage.cache_write + usage.cache_write_1h;
  const input = usage.input + usage.cache_read + cacheWrite + usage.input_audio;
  const output = usage.output + usage.output_audio;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cache_read, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + output,
  };
}
