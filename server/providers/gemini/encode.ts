import type { Chat } from "../../../shared/openai/chat.ts";
import type { Encoded, Target } from "../adapter.ts";
import { Translation } from "../translation.ts";
import { encodeConversation } from "./conversation.ts";
import { encodeGenerationConfig } from "./generation-config.ts";
import { listOf, wordsOf } from "../json.ts";
import { modelRoute, traitsOf } from "./model.ts";
import { encodeTools } from "./tools.ts";

/** What is put into Gemini's words, or is the gateway's own business. `cache_control` needs no word: Gemini caches unasked. */
const known: ReadonlySet<string> = new Set([
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
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "logprobs",
  "modalities",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "reasoning_effort",
  "thinking",
  "safety_settings",
  "cached_content",
]);

/** A `GenerateContentRequest`. `safety_settings` and `cached_content` are taken in Google's own words. */
export function encodeChat(chat: Chat, target: Target): Encoded {
  const translation = new Translation(target);
  const traits = traitsOf(target.model);
  const conversation = encodeConversation(chat.messages, traits, translation);
  const generationConfig = encodeGenerationConfig(chat, target, translation);
  const safetySettings = listOf(chat["safety_settings"]);
  const cachedContent = wordsOf(chat["cached_content"]);
  const body = {
    ...conversation,
    ...encodeTools(chat, translation),
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    ...(safetySettings.length > 0 && { safetySettings }),
    ...(cachedContent && { cachedContent }),
  };
  translation.dropUnknown(chat, known);
  const method = target.isStream ? "streamGenerateContent?alt=sse" : "generateContent";
  return { route: modelRoute(target.model, method), body, dropped: translation.dropped };
}
