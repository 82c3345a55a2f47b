import type {
  LanguageModelV3File,
  LanguageModelV3StreamPart,
  LanguageModelV3ToolCall,
  SharedV3ProviderMetadata,
} from "@ai-sdk/provider";
import type { FinishReason, ModelEvent } from "../model-event.ts";
import { CallOrder } from "../call-order.ts";
import { wordsOf } from "../json.ts";
import { usageOf } from "./read-usage.ts";
import { errorEventOf } from "./stream-error.ts";

type FinishPart = Extract<LanguageModelV3StreamPart, { type: "finish" }>;
type ReasoningPart = Extract<
  LanguageModelV3StreamPart,
  { type: "reasoning-start" | "reasoning-delta" | "reasoning-end" }
>;

type PartReader = (part: LanguageModelV3StreamPart) => readonly ModelEvent[];

/** Reads one answer of a package, part by part. Calls may come interleaved, told apart by their ids. */
export function createPartReader(): PartReader {
  const read = createReader();
  const order = new CallOrder();
  return (part) => order.arrange(read(part));
}

/** In the order of the parts. Those that say nothing of an answer are no events. */
function createReader(): PartReader {
  const calls = new ToolCalls();
  let isStarted = false;
  return (part) => {
    switch (part.type) {
      case "response-metadata": {
        const id = wordsOf(part.id);
        if (id === undefined || isStarted) return [];
        isStarted = true;
        return [{ type: "start", id }];
      }
      case "text-delta": {
        const text = wordsOf(part.delta);
        return text === undefined ? [] : [{ type: "text-delta", text }];
      }
      case "reasoning-start":
      case "reasoning-delta":
      case "reasoning-end":
        return reasoningEvents(part);
      case "tool-input-start":
        return part.providerExecuted === true
          ? []
          : [calls.start(part.id, part.toolName, part.providerMetadata)];
      case "tool-input-delta":
        return calls.grow(part.id, part.delta);
      case "tool-call":
        return part.providerExecuted === true ? [] : calls.complete(part);
      case "file":
        return imageEvents(part);
      case "finish":
        return finishEvents(part);
      case "error":
        return [errorEventOf(part.error)];
      case "stream-start":
      case "raw":
      case "text-start":
      case "text-end":
      case "tool-input-end":
      case "tool-result":
      case "tool-approval-request":
      case "source":
        return [];
    }
    // A part of a later version of the contract.
    return [];
  };
}

/** Which call of the answer an id belongs to. Calls that the provider runs by itself are never among them. */
class ToolCalls {
  readonly #indexes = new Map<string, number>();

  start(id: string, name: string, metadata?: SharedV3ProviderMetadata): ModelEvent {
    const index = this.#indexes.size;
    this.#indexes.set(id, index);
    const thoughtSignature = textIn(metadata, "thoughtSignature");
    return {
      type: "tool-call",
      index,
      id,
      name,
      ...(thoughtSignature !== undefined && { thoughtSignature }),
    };
  }

  grow(id: string, json: string): readonly ModelEvent[] {
    const index = this.#indexes.get(id);
    return index === undefined || json === ""
      ? []
      : [{ type: "tool-arguments-delta", index, json }];
  }

  /** The whole of a call: news only where the package did not stream its arguments. */
  complete(call: LanguageModelV3ToolCall): readonly ModelEvent[] {
    if (this.#indexes.has(call.toolCallId)) return [];
    return [
      this.start(call.toolCallId, call.toolName, call.providerMetadata),
      ...this.grow(call.toolCallId, call.input),
    ];
  }
}

function reasoningEvents(part: ReasoningPart): readonly ModelEvent[] {
  const events: ModelEvent[] = [];
  const text = part.type === "reasoning-delta" ? wordsOf(part.delta) : undefined;
  if (text !== undefined) events.push({ type: "reasoning-delta", text });
  const metadata = part.providerMetadata;
  if (metadata === undefined) return events;
  const signature = textIn(metadata, "signature");
  if (signature !== undefined) events.push({ type: "reasoning-signature", signature });
  const data = textIn(metadata, "redactedData") ?? textIn(metadata, "redactedContent");
  if (data !== undefined) events.push({ type: "reasoning-redacted", data });
  return events;
}

function imageEvents({ mediaType, data }: LanguageModelV3File): readonly ModelEvent[] {
  if (!mediaType.startsWith("image/")) return [];
  const base64 = typeof data === "string" ? data : Buffer.from(data).toString("base64");
  return [{ type: "image", mediaType, data: base64 }];
}

function finishEvents({
  finishReason,
  usage,
  providerMetadata,
}: FinishPart): readonly ModelEvent[] {
  const told = usageOf(usage);
  const events: ModelEvent[] = told === undefined ? [] : [{ type: "usage", usage: told }];
  const reason = reasonOf(finishReason);
  if (reason === undefined) {
    const code = finishReason.raw ?? null;
    return [...events, { type: "error", message: "The model broke off its answer", code }];
  }
  const stopSequence = textIn(providerMetadata, "stopSequence");
  return [
    ...events,
    { type: "finish", reason, ...(stopSequence !== undefined && { stopSequence }) },
  ];
}

/** Undefined: the answer ended in a failure. */
function reasonOf({ unified, raw }: FinishPart["finishReason"]): FinishReason | undefined {
  if (raw === "pause_turn") return "pause";
  if (raw === "model_context_window_exceeded") return "length";
  if (unified === "error") return undefined;
  return unified === "other" ? "stop" : unified;
}

/** Packages put what only their vendor has under the vendor's name: `{"bedrock": {"signature": "…"}}`. */
function textIn(metadata: SharedV3ProviderMetadata | undefined, name: string): string | undefined {
  for (const vendor in metadata) {
    const text = wordsOf(metadata[vendor]?.[name]);
    if (text !== undefined) return text;
  }
  return undefined;
}
