import type { ResponsesInDepth } from "../../../../shared/openai/responses.ts";

/** What becomes part of the chat, or is told on its own. */
const translated = new Set([
  "model",
  "input",
  "instructions",
  "stream",
  "max_output_tokens",
  "temperature",
  "top_p",
  "user",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "text",
  "reasoning",
  "include",
  "truncation",
  "service_tier",
]);

/** What nobody misses in the answer: labels and storage of a reply that is not stored, hints, and limits of tools that OpenAI runs. */
const unmissed = new Set([
  "background",
  "client_metadata",
  "max_tool_calls",
  "metadata",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "stream_options",
]);

/** Names of what a chat has no words for and the client would miss. */
export function droppedParameters(request: ResponsesInDepth): string[] {
  const { text, reasoning, include, truncation, service_tier } = request;
  const dropped = Object.entries(request)
    .filter(([name, value]) => isSet(value) && !translated.has(name) && !unmissed.has(name))
    .map(([name]) => name);
  if (text?.verbosity) dropped.push("text.verbosity");
  if (reasoning?.["mode"]) dropped.push("reasoning.mode");
  if (include?.includes("message.output_text.logprobs")) dropped.push("include");
  if (truncation && truncation !== "disabled") dropped.push("truncation");
  if (service_tier && service_tier !== "auto" && service_tier !== "default")
    dropped.push("service_tier");
  return dropped;
}

/** An empty list or a zero asks for nothing: clients send `top_logprobs: 0`. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== undefined && value !== 0;
}
