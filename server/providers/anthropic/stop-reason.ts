import type { FinishReason, ModelEvent } from "../model-event.ts";
import { type Fields, fieldsOf, textOf } from "../json.ts";

/**
 * Why Anthropic's model stopped. A reason that is not known ended the answer all the same.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
 */
function finishReason(stopReason: string): FinishReason {
  switch (stopReason) {
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length";
    case "tool_use":
      return "tool-calls";
    case "refusal":
      return "content-filter";
    // `compaction`: the conversation was summed up, to go on from there.
    case "pause_turn":
    case "compaction":
      return "pause";
    // `end_turn`, `stop_sequence`
    default:
      return "stop";
  }
}

/**
 * The last of an answer: why it was refused, where the model says so, and why it ended.
 *
 * @param ending `stop_reason`, `stop_sequence` and `stop_details`: of a whole message, or the `delta` of the event that ends a stream
 */
export function endingEvents(ending: Fields): readonly ModelEvent[] {
  const stopReason = textOf(ending["stop_reason"]);
  if (stopReason === "") return [];
  const reason = finishReason(stopReason);
  const stopSequence = textOf(ending["stop_sequence"]);
  const finish: ModelEvent =
    stopSequence === "" ? { type: "finish", reason } : { type: "finish", reason, stopSequence };
  const explanation = textOf(fieldsOf(ending["stop_details"])["explanation"]);
  if (reason !== "content-filter" || explanation === "") return [finish];
  return [{ type: "refusal-delta", text: explanation }, finish];
}
