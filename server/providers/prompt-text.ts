import { type Fields, isFields, listOf } from "./json.ts";

/** What a request gives the model to read: texts that are to be counted, and tokens that are known without counting. */
export interface PromptText {
  texts: string[];
  knownTokens: number;
}

/** OpenAI's chat format: three tokens frame each message and one names its role. */
const tokensPerMessage = 4;
/** And three open the reply. */
const tokensOpeningReply = 3;

/**
 * Flat estimates, since the bytes tell little and decoding them would cost more than the answer is worth: an image of
 * 1024 x 1024 at high detail is 765 tokens to gpt-4o and 85 at low detail; a minute of audio is 600 (ten a second); a
 * file is taken for two pages, each with its text (about 750) and its picture.
 */
const imageTokens = 765;
const lowDetailImageTokens = 85;
const audioTokens = 600;
const fileTokens = 3_000;

/** Gathers what a parsed chat, completion or embedding body makes the model read. Unknown shapes are passed over. */
export function readPrompt(request: unknown): PromptText {
  const gathered: PromptText = { texts: [], knownTokens: 0 };
  if (!isFields(request)) return gathered;
  addMessages(gathered, request["messages"]);
  addPrompt(gathered, request["prompt"]);
  addPrompt(gathered, request["input"]);
  for (const tool of listOf(request["tools"])) addJson(gathered, tool);
  for (const definition of listOf(request["functions"])) addJson(gathered, definition);
  if (isFields(request["response_format"]))
    addJson(gathered, request["response_format"]["json_schema"]);
  return gathered;
}

function addMessages(gathered: PromptText, messages: unknown): void {
  const list = listOf(messages);
  if (list.length > 0) gathered.knownTokens += tokensOpeningReply;
  for (const message of list) {
    gathered.knownTokens += tokensPerMessage;
    if (isFields(message)) addMessage(gathered, message);
  }
}

function addMessage(gathered: PromptText, message: Fields): void {
  for (const field of ["content", "name", "refusal", "reasoning_content"])
    addText(gathered, message[field]);
  for (const part of listOf(message["content"])) addPart(gathered, part);
  for (const call of listOf(message["tool_calls"]))
    if (isFields(call)) addFunctionCall(gathered, call["function"]);
  addFunctionCall(gathered, message["function_call"]);
  if (isFields(message["audio"])) gathered.knownTokens += audioTokens;
}

function addFunctionCall(gathered: PromptText, call: unknown): void {
  if (!isFields(call)) return;
  addText(gathered, call["name"]);
  addText(gathered, call["arguments"]);
}

function addPart(gathered: PromptText, part: unknown): void {
  if (typeof part === "string") gathered.texts.push(part);
  if (!isFields(part)) return;
  const text = part["text"] ?? part["refusal"];
  if (typeof text === "string") gathered.texts.push(text);
  else gathered.knownTokens += mediaTokens(part);
}

function mediaTokens(part: Fields): number {
  switch (part["type"]) {
    case "image_url":
      return isFields(part["image_url"]) && part["image_url"]["detail"] === "low"
        ? lowDetailImageTokens
        : imageTokens;
    case "input_audio":
      return audioTokens;
    default:
      return fileTokens;
  }
}

/** A prompt or an input is a text, a list of token ids, or a list of either. */
function addPrompt(gathered: PromptText, prompt: unknown): void {
  addText(gathered, prompt);
  for (const item of listOf(prompt)) {
    if (typeof item === "number") gathered.knownTokens++;
    else if (Array.isArray(item)) gathered.knownTokens += item.length;
    else addPart(gathered, item);
  }
}

function addText(gathered: PromptText, text: unknown): void {
  if (typeof text === "string") gathered.texts.push(text);
}

/** Providers write definitions in terser forms of their own, so the JSON is a little more than is charged. */
function addJson(gathered: PromptText, definition: unknown): void {
  if (isFields(definition)) gathered.texts.push(JSON.stringify(definition));
}
