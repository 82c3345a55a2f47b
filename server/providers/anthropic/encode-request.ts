import type { Chat } from "../../../shared/openai/chat.ts";
import type { Encoded, Target } from "../adapter.ts";
import { Translation } from "../translation.ts";
import { encodeFormat } from "./encode-format.ts";
import { encodeMessages } from "./encode-messages.ts";
import { encodeSampling } from "./encode-sampling.ts";
import { encodeSettings, refuseUnsupported } from "./encode-settings.ts";
import { encodeThinking, type Thinking } from "./encode-thinking.ts";
import { encodeTools } from "./encode-tools.ts";
import { type ModelTraits, traitsOf } from "./model-traits.ts";
import { continuesWithoutThought } from "./turns.ts";

/**
 * A chat as a request of the Messages API.
 *
 * Source: https://platform.claude.com/docs/en/api/messages/create
 */
export function encodeRequest(chat: Chat, target: Target): Encoded {
  const translation = new Translation(target);
  const traits = traitsOf(target.model);
  refuseUnsupported(chat, translation);
  const { system, turns } = encodeMessages(chat.messages, traits, translation);
  const tooling = encodeTools(chat, traits, translation);
  const { format, instructions } = encodeFormat(chat.response_format, traits, translation);
  const limit = outputLimit(chat, target, traits);
  const { thinking, effort } = encodeThinking(
    chat,
    {
      traits,
      maxTokens: limit,
      forbidsBudget: tooling.forcesTool || continuesWithoutThought(turns),
    },
    translation,
  );
  const isThinking = thinking?.["type"] === "enabled" || thinking?.["type"] === "adaptive";
  const words = [...system, ...instructions];
  const betas = [...new Set(tooling.betas)];
  return {
    route: "messages",
    body: {
      model: target.model,
      max_tokens: isCapped(chat) ? limit : roomFor(thinking, limit),
      ...(words.length > 0 && { system: words }),
      messages: turns,
      ...tooling.parameters,
      ...(thinking && { thinking }),
      ...((effort || format) && {
        output_config: { ...(effort && { effort }), ...(format && { format }) },
      }),
      ...encodeSampling(chat, { sampling: traits.sampling, isThinking }, translation),
      ...encodeSettings(chat, translation),
      ...(target.isStream && { stream: true }),
    },
    ...(betas.length > 0 && { headers: ["anthropic-beta", betas.join(",")] }),
    dropped: translation.dropped,
  };
}

function isCapped(chat: Chat): boolean {
  return (chat.max_completion_tokens ?? chat.max_tokens ?? undefined) !== undefined;
}

/** Anthropic demands a limit, and refuses one above what the model can do: such a one asks for as much as it can. */
function outputLimit(chat: Chat, target: Target, traits: ModelTraits): number {
  const asked = chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
  const longest = target.maxOutputTokens ?? traits.maxOutputTokens;
  const isKnown = target.maxOutputTokens !== undefined || traits.isLimitKnown;
  if (asked === undefined) return longest;
  return isKnown ? Math.min(asked, longest) : asked;
}

/** What the answer itself is left, where the client gave a budget for thinking and no limit. */
const minAnswer = 4_096;

/** A limit that leaves room for an answer after the thoughts: Anthropic refuses one that does not exceed their budget. */
function roomFor(thinking: Thinking["thinking"], limit: number): number {
  const budget = thinking?.["budget_tokens"];
  return typeof budget === "number" && budget >= limit ? budget + minAnswer : limit;
}
