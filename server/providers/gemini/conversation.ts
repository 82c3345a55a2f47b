import type { ChatMessage, ContentPart, ToolCall } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { untranslatable } from "../translation.ts";
import type { Content, FunctionCallPart, Part, TextPart } from "./content.ts";
import { wordsOf } from "../json.ts";
import { encodeMedia } from "./media-part.ts";
import type { ModelTraits } from "./model.ts";
import { foreignCallSignature, ownSignature } from "./signature.ts";
import { encodeToolResult, parseObject } from "./tool-result.ts";

export interface Conversation {
  readonly contents: readonly Content[];
  readonly systemInstruction?: { readonly parts: readonly TextPart[] };
}

/**
 * The messages as Gemini's contents.
 *
 * - System and developer messages at the beginning are the system instruction. Gemini has no place for later ones: they are
 *   said by the user there, between `<system>` tags. With nothing but system messages, they are what the user says.
 * - Neighbours of one role are one content, but results of functions keep to themselves, as Gemini wants them counted.
 * - Thoughts do not go back: Gemini needs their signatures only. Those of other providers are left out.
 *
 * @throws GatewayError naming the message at fault
 */
export function encodeConversation(
  messages: readonly ChatMessage[],
  traits: ModelTraits,
  translation: Translation,
): Conversation {
  const firstTurn = messages.findIndex((message) => !isInstruction(message));
  const turns = firstTurn === -1 ? messages.length : firstTurn;
  const parts = messages.slice(0, turns).flatMap((message) => textsOf(message.content));
  tellLeftOut(messages, translation);
  if (turns === messages.length) return { contents: [{ role: "user", parts }] };
  const writer = new ContentWriter(traits);
  for (let index = turns; index < messages.length; index++) {
    const message = messages[index];
    if (message) writer.write(message, `messages.${index}`);
  }
  return { contents: writer.contents, ...(parts.length > 0 && { systemInstruction: { parts } }) };
}

function tellLeftOut(messages: readonly ChatMessage[], translation: Translation): void {
  for (const { content, ...message } of messages) {
    if (message.role !== "tool" && message.name) translation.drop("name");
    if (!Array.isArray(content)) continue;
    for (const part of content)
      if (part.type === "image_url" && (part.image_url.detail ?? "auto") !== "auto")
        translation.drop("detail");
  }
}

type Speaker = "user" | "model" | "functions";

class ContentWriter {
  readonly contents: Content[] = [];
  readonly #traits: ModelTraits;
  /** By the id of the call. A later call takes the place of an earlier one with its id. */
  readonly #functions = new Map<string, string>();
  #speaker: Speaker | undefined;

  constructor(traits: ModelTraits) {
    this.#traits = traits;
  }

  write(message: ChatMessage, param: string): void {
    switch (message.role) {
      case "system":
      case "developer":
        return this.#say("user", textsOf(message.content).map(asInstruction));
      case "user":
        return this.#say("user", partsOf(message.content, param));
      case "assistant":
        return this.#say("model", this.#answer(message, param));
      case "tool":
        return this.#say("functions", this.#result(message, param));
    }
  }

  #say(speaker: Speaker, parts: readonly Part[]): void {
    if (parts.length === 0) return;
    const last = this.contents.at(-1);
    if (last && speaker === this.#speaker) last.parts.push(...parts);
    else this.contents.push({ role: speaker === "model" ? "model" : "user", parts: [...parts] });
    this.#speaker = speaker;
  }

  #answer(message: Extract<ChatMessage, { role: "assistant" }>, param: string): Part[] {
    const parts = partsOf(message.content, param);
    if (message.refusal) parts.push({ text: message.refusal });
    sign(parts, ownSignature(message.thinking_blocks));
    for (const [index, call] of (message.tool_calls ?? []).entries()) {
      this.#functions.set(call.id, call.function.name);
      parts.push(encodeCall(call, index, this.#traits, `${param}.tool_calls.${index}`));
    }
    return parts;
  }

  #result(message: Extract<ChatMessage, { role: "tool" }>, param: string): Part[] {
    const name = this.#functions.get(message.tool_call_id) ?? wordsOf(message["name"]);
    if (name === undefined)
      throw untranslatable(
        `${param}.tool_call_id`,
        `Cannot tell which function returned this: no call before it has the id ${JSON.stringify(message.tool_call_id)}`,
      );
    return encodeToolResult(message, { name, traits: this.#traits, param });
  }
}

/** Of the calls that were made at once, Gemini signs the first. */
function encodeCall(
  call: ToolCall,
  index: number,
  { isGemini3 }: ModelTraits,
  param: string,
): FunctionCallPart {
  const { name, arguments: json } = call.function;
  const args = json.trim() === "" ? {} : parseObject(json);
  if (!args)
    throw untranslatable(
      `${param}.function.arguments`,
      `Cannot send the call of ${JSON.stringify(name)}: its arguments are no JSON object`,
    );
  const signature =
    call.extra_content?.google?.thought_signature ??
    (isGemini3 && index === 0 ? foreignCallSignature : undefined);
  return {
    functionCall: { ...(isGemini3 && { id: call.id }), name, args },
    ...(signature && { thoughtSignature: signature }),
  };
}

/** Puts the signature where Gemini had it: on the last of the text, or on an empty text where there is none. */
function sign(parts: Part[], signature: string | undefined): void {
  if (signature === undefined) return;
  const last = parts.at(-1);
  if (last && "text" in last) last.thoughtSignature = signature;
  else parts.push({ text: "", thoughtSignature: signature });
}

function partsOf(content: string | ContentPart[] | null | undefined, param: string): Part[] {
  if (typeof content === "string") return textsOf(content);
  return (content ?? []).flatMap((part, index): Part[] => {
    if (part.type === "text") return part.text === "" ? [] : [{ text: part.text }];
    if (part.type === "refusal") return part.refusal === "" ? [] : [{ text: part.refusal }];
    return [encodeMedia(part, `${param}.content.${index}`)];
  });
}

/** Empty texts are left out: Gemini refuses them. */
function textsOf(content: string | ContentPart[] | null | undefined): TextPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ text: content }];
  return (content ?? []).flatMap((part) =>
    part.type === "text" && part.text !== "" ? [{ text: part.text }] : [],
  );
}

function isInstruction({ role }: ChatMessage): boolean {
  return role === "system" || role === "developer";
}

function asInstruction({ text }: TextPart): TextPart {
  return { text: `<system>\n${text}\n</system>` };
}
