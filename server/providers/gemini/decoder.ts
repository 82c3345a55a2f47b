import type { ModelEvent } from "../model-event.ts";
import { finishEvent } from "./finish.ts";
import { fieldsOf, isFields, listOf, wordsOf, type Fields } from "../json.ts";
import { markSignature } from "../googles-signature.ts";
import { readUsage } from "./usage.ts";

const nothing: readonly ModelEvent[] = [];

/**
 * Reads the `GenerateContentResponse`s of one answer: one each chunk of a stream, or one for the whole.
 *
 * What has no event is passed over: the code that Google ran and its output, sources, speech, and drafts of images.
 */
export class Decoder {
  #id: string | undefined;
  #calls = 0;
  /** Thoughts were shown: only then is their signature handed out, which seals what the client has seen. */
  #isThoughtShown = false;
  #isEnded = false;
  /** After an error nothing follows. */
  #isFailed = false;

  read(data: unknown): readonly ModelEvent[] {
    if (this.#isFailed) return nothing;
    const response = fieldsOf(data);
    const events: ModelEvent[] = [];
    if (isFields(response["error"])) return this.#fail(response["error"]);
    this.#start(response["responseId"], events);
    const candidate = fieldsOf(listOf(response["candidates"])[0]);
    for (const part of listOf(fieldsOf(candidate["content"])["parts"]))
      if (isFields(part)) this.#readPart(part, events);
    const usage = readUsage(response["usageMetadata"]);
    if (usage) events.push({ type: "usage", usage });
    const reason = wordsOf(candidate["finishReason"]);
    if (reason !== undefined) this.#end(reason, candidate["finishMessage"], events);
    else if (isBlocked(response)) this.#end("SAFETY", undefined, events);
    return events;
  }

  /** The end of a whole answer that did not say why it ends. */
  finish(): readonly ModelEvent[] {
    const events: ModelEvent[] = [];
    this.#end("STOP", undefined, events);
    return events;
  }

  #start(id: unknown, events: ModelEvent[]): void {
    if (this.#id !== undefined || typeof id !== "string" || id === "") return;
    this.#id = id;
    events.push({ type: "start", id });
  }

  #readPart(part: Fields, events: ModelEvent[]): void {
    const text = wordsOf(part["text"]);
    const signature = wordsOf(part["thoughtSignature"]);
    if (isFields(part["functionCall"]))
      return this.#readCall(part["functionCall"], signature, events);
    const isThought = part["thought"] === true;
    if (isFields(part["inlineData"]) && !isThought) return readImage(part["inlineData"], events);
    if (text !== undefined && isThought) this.#isThoughtShown = true;
    if (text !== undefined)
      events.push({ type: isThought ? "reasoning-delta" : "text-delta", text });
    if (signature !== undefined && this.#isThoughtShown)
      events.push({ type: "reasoning-signature", signature: markSignature(signature) });
  }

  /** A call comes whole: its pieces come only to who asks for them, without a name. */
  #readCall(call: Fields, signature: string | undefined, events: ModelEvent[]): void {
    const name = wordsOf(call["name"]);
    if (name === undefined) return;
    const index = this.#calls++;
    // Gemini before 3 gives its calls no ids, and a conversation needs each of them once.
    const id =
      wordsOf(call["id"]) ?? `call_${this.#id === undefined ? "" : `${this.#id}_`}${index}`;
    events.push(
      signature === undefined
        ? { type: "tool-call", index, id, name }
        : { type: "tool-call", index, id, name, thoughtSignature: signature },
      { type: "tool-arguments-delta", index, json: JSON.stringify(fieldsOf(call["args"])) },
    );
  }

  #end(reason: string, detail: unknown, events: ModelEvent[]): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const event = finishEvent(reason, detail, this.#calls > 0);
    this.#isFailed = event.type === "error";
    events.push(event);
  }

  #fail(error: Fields): readonly ModelEvent[] {
    this.#isEnded = true;
    this.#isFailed = true;
    const { message, status, code } = error;
    return [
      {
        type: "error",
        message: wordsOf(message) ?? "The upstream failed without saying why",
        code: wordsOf(status) ?? (typeof code === "number" ? String(code) : null),
      },
    ];
  }
}

function readImage({ mimeType, data }: Fields, events: ModelEvent[]): void {
  if (typeof mimeType !== "string" || !mimeType.startsWith("image/")) return;
  if (typeof data === "string") events.push({ type: "image", mediaType: mimeType, data });
}

/** The prompt was not let through to the model: there is no candidate then. */
export function isBlocked(response: Fields): boolean {
  return (
    wordsOf(fieldsOf(response["promptFeedback"])["blockReason"]) !== undefined &&
    listOf(response["candidates"]).length === 0
  );
}
