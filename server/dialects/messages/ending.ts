import type { Usage } from "../../../shared/spend.ts";
import type { FinishReason, ModelEvent } from "../../providers/model-event.ts";

type Finish = Extract<ModelEvent, { type: "finish" }>;

/** What is kept of a reply's events until its end. */
export class Ending {
  #finish: Finish | undefined;
  #usage: Usage | undefined;
  #called = false;
  #refused = false;

  note(event: ModelEvent): void {
    if (event.type === "finish") this.#finish = event;
    else if (event.type === "usage") this.#usage = event.usage;
    else if (event.type === "tool-call") this.#called = true;
    else if (event.type === "refusal-delta") this.#refused = true;
  }

  /** The members of a message, and of a `message_delta`, that tell why it ended. */
  get stop(): MessageStop {
    const sequence = this.#finish?.stopSequence;
    return {
      stop_reason: sequence === undefined ? this.#reason() : "stop_sequence",
      stop_sequence: sequence ?? null,
      stop_details: null,
    };
  }

  /** @param promptTokens the estimate that stands where no usage was reported */
  usage(promptTokens: number): MessageUsage {
    return this.#usage ? messageUsage(this.#usage) : emptyUsage(promptTokens);
  }

  /** An upstream that says `stop` of a reply with calls in it means the calls: Gemini has no other word. */
  #reason(): StopReason {
    if (this.#refused) return "refusal";
    const reason = this.#finish?.reason ?? "stop";
    return reason === "stop" && this.#called ? "tool_use" : stopReasons[reason];
  }
}

export interface MessageStop {
  readonly stop_reason: StopReason | "stop_sequence";
  readonly stop_sequence: string | null;
  /** Why Anthropic refused: no other upstream says so. */
  readonly stop_details: null;
}

type StopReason = "end_turn" | "max_tokens" | "tool_use" | "refusal" | "pause_turn";

const stopReasons: Readonly<Record<FinishReason, StopReason>> = {
  stop: "end_turn",
  length: "max_tokens",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
  pause: "pause_turn",
};

export interface MessageUsage {
  /** Neither read from the cache nor written to it. */
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
  readonly output_tokens_details?: { readonly thinking_tokens: number };
}

/** Of a message that has only begun, and of one whose upstream reported nothing. */
export function emptyUsage(promptTokens: number): MessageUsage {
  return {
    input_tokens: promptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 0,
  };
}

function messageUsage(usage: Usage): MessageUsage {
  return {
    input_tokens: usage.input + usage.input_audio,
    cache_creation_input_tokens: usage.cache_write + usage.cache_write_1h,
    cache_read_input_tokens: usage.cache_read,
    output_tokens: usage.output + usage.output_audio,
    ...(usage.reasoning > 0 && { output_tokens_details: { thinking_tokens: usage.reasoning } }),
  };
}
