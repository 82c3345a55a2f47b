import type { LanguageModelV3, LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { EventSource } from "../model-event.ts";
import type { LibraryOutcome } from "../library.ts";
import type { TranslatedCall } from "./call-options.ts";
import type { Interruption } from "./interruption.ts";
import { PartStream } from "./part-stream.ts";
import { createPartReader } from "./read-part.ts";
import { partsOf } from "./reply-parts.ts";
import { droppedWith } from "./warnings.ts";
import { WholeAnswer } from "./whole-answer.ts";

type ChatAnswer = Extract<LibraryOutcome<EventSource>, { kind: "answer" }>;

/** Asks for a streamed answer. What it throws is the package's, or that of the interruption. */
export async function streamChat(
  model: LanguageModelV3,
  { options, dropped }: TranslatedCall,
  interruption: Interruption,
): Promise<ChatAnswer> {
  const request: LanguageModelV3CallOptions = {
    ...options,
    abortSignal: interruption.signal,
    // A part for each event of the upstream: what a package makes nothing of is a sign of life all the same.
    includeRawChunks: true,
  };
  const { stream } = await interruption.within(model.doStream(request));
  const parts = stream.getReader();
  // Not every package heeds its signal.
  interruption.signal.addEventListener("abort", () => parts.cancel().catch(() => undefined), {
    once: true,
  });
  const { value: first } = await interruption.within(parts.read());
  if (first === undefined) throw new Error("the answer is empty");
  return {
    kind: "answer",
    answer: new PartStream(parts, first, interruption),
    dropped: droppedWith(dropped, first.type === "stream-start" ? first.warnings : []),
  };
}

/** Asks for an answer as a whole. */
export async function generateChat(
  model: LanguageModelV3,
  { options, dropped }: TranslatedCall,
  interruption: Interruption,
): Promise<ChatAnswer> {
  const request = { ...options, abortSignal: interruption.signal };
  const reply = await interruption.within(model.doGenerate(request));
  interruption.end();
  return {
    kind: "answer",
    answer: new WholeAnswer(partsOf(reply).flatMap(createPartReader())),
    dropped: droppedWith(dropped, reply.warnings),
  };
}
