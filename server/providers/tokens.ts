import { setImmediate as nextTurn } from "node:timers/promises";
import { readPrompt } from "./prompt-text.ts";

/**
 * The tokenizer's time grows with the square of an unbroken run: 100,000 Chinese characters in one piece block the process
 * for 27 s, in slices of 2,000 for 0.9 s, of 500 for 0.35 s, with the same count.
 */
const sliceCharacters = 500;
/** How long counting may hold the event loop; the worst slice measured took 4 ms. */
const turnMs = 10;
/**
 * The tokenizer remembers how it cut what it has seen, 100,000 pieces by default, and each may keep alive the whole
 * text it was cut from. A thousand are as fast for prose, and they are dropped when the count is done.
 */
const rememberedPieces = 1_000;
/** Nothing is special in what a user writes: by default the tokenizer throws at `<|endoftext|>`. */
const asPlainText = { disallowedSpecial: new Set<string>() };

/**
 * Counts what a parsed chat, completion or embedding body makes the model read: texts, names, tool definitions, token ids, four
 * tokens of framing a message. Images, audio and files count a flat estimate each, whatever their bytes.
 */
export async function countPromptTokens(request: unknown): Promise<number> {
  const { texts, knownTokens } = readPrompt(request);
  return knownTokens + (await countAll(texts));
}

/**
 * Counts the tokens of generated text in OpenAI's o200k encoding, a fair estimate for other models. Loads the tokenizer
 * on first use.
 */
export function countCompletionTokens(text: string): Promise<number> {
  return countAll([text]);
}

async function countAll(texts: readonly string[]): Promise<number> {
  if (texts.every((text) => text === "")) return 0;
  const tokenizer = await loadTokenizer();
  let tokens = 0;
  let turnStarted = performance.now();
  for (const slice of slicesOf(texts)) {
    tokens += tokenizer.countTokens(slice, asPlainText);
    if (performance.now() - turnStarted < turnMs) continue;
    await nextTurn();
    turnStarted = performance.now();
  }
  tokenizer.clearMergeCache();
  return tokens;
}

async function loadTokenizer() {
  // Imported late: it takes 0.2 s and 67 MB, and a gateway whose upstreams report usage never needs it.
  const tokenizer = await import("gpt-tokenizer/encoding/o200k_base");
  tokenizer.setMergeCacheSize(rememberedPieces);
  return tokenizer;
}

function* slicesOf(texts: readonly string[]): Generator<string> {
  for (const text of texts) {
    for (let start = 0; start < text.length;) {
      const end = sliceEnd(text, start);
      yield text.slice(start, end);
      start = end;
    }
  }
}

/** Cuts before the last space, which belongs to the word after it, so that the slices have the tokens of the whole. */
function sliceEnd(text: string, start: number): number {
  const limit = start + sliceCharacters;
  if (limit >= text.length) return text.length;
  const space = text.slice(start, limit).lastIndexOf(" ");
  if (space > 0) return start + space;
  return isHighSurrogate(text.charCodeAt(limit - 1)) ? limit - 1 : limit;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
