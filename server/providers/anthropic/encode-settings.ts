import type { Chat } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { type Fields, isFields, listOf, textOf } from "../json.ts";

/** Parameters that are translated, or that say nothing to a provider. */
const known = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "n",
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "reasoning_effort",
  "thinking",
  "user",
  "safety_identifier",
  "service_tier",
  "cache_control",
  "modalities",
  "audio",
  "logprobs",
  "top_logprobs",
  "functions",
  "function_call",
]);

/** Parameters whose absence the client would see in the shape of the answer. */
export function refuseUnsupported(chat: Chat, translation: Translation): void {
  if ((chat.n ?? 1) > 1)
    translation.refuse("n", "its provider gives one answer to a chat, not several");
  if (chat["logprobs"] === true)
    translation.refuse("logprobs", "its provider does not tell the probabilities of tokens");
  else if (chat["top_logprobs"])
    translation.refuse("top_logprobs", "its provider does not tell the probabilities of tokens");
  if (listOf(chat["modalities"]).includes("audio"))
    translation.refuse("modalities", "its provider answers in text, not in sound");
  else if (chat["audio"]) translation.refuse("audio", "its provider answers in text, not in sound");
  if (chat["functions"]) translation.refuse("functions", "its provider knows them as tools only");
  translation.dropUnknown(chat, known);
}

/** `stop`, `user`, `service_tier`, and `cache_control` for the request as a whole. */
export function encodeSettings(chat: Chat, translation: Translation): Fields {
  const stops = stopSequences(chat.stop, translation);
  const userId = userIdOf(chat, translation);
  const tier = serviceTier(chat["service_tier"], translation);
  return {
    ...(stops.length > 0 && { stop_sequences: stops }),
    ...(userId !== undefined && { metadata: { user_id: userId } }),
    ...(tier !== undefined && { service_tier: tier }),
    ...(isFields(chat["cache_control"]) && { cache_control: chat["cache_control"] }),
  };
}

/** Anthropic takes none that is blank. */
function stopSequences(stop: Chat["stop"], translation: Translation): readonly string[] {
  const asked = typeof stop === "string" ? [stop] : (stop ?? []);
  const taken = asked.filter((sequence) => sequence.trim() !== "");
  if (taken.length < asked.length) translation.drop("stop");
  return taken;
}

const maxUserIdLength = 256;

/** Anthropic wants no one's name, address or number, and refuses what looks like one. */
const personal = /@|^\+?[\d\s().-]{7,}$/;

function userIdOf(chat: Chat, translation: Translation): string | undefined {
  const name = chat["safety_identifier"] ? "safety_identifier" : "user";
  const id = textOf(chat[name]);
  if (id === "") return undefined;
  if (id.length <= maxUserIdLength && !personal.test(id)) return id;
  translation.drop(name);
  return undefined;
}

/** OpenAI's tiers that mean the same to Anthropic; `flex` and `priority` are bought otherwise there. */
function serviceTier(asked: unknown, translation: Translation): string | undefined {
  if (asked === undefined || asked === null) return undefined;
  if (asked === "auto") return "auto";
  if (asked === "default" || asked === "standard_only") return "standard_only";
  translation.drop("service_tier");
  return undefined;
}
