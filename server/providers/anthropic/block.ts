import type { z } from "zod";
import type { cacheControl } from "../../../shared/openai/chat.ts";

/** A block of Anthropic's `content`, `system` or of a tool's result. */
export type Block = Readonly<Record<string, unknown>> & { readonly type: string };

type CacheControl = z.infer<typeof cacheControl>;

/** What anything in a chat may carry. */
interface Cached {
  readonly cache_control?: CacheControl | null | undefined;
}

/** `cache_control` as Anthropic takes it: it refuses a `ttl` that is null. */
export function cacheMark({ cache_control: mark }: Cached): Readonly<Record<string, unknown>> {
  if (!mark) return {};
  return { cache_control: mark.ttl ? { type: mark.type, ttl: mark.ttl } : { type: mark.type } };
}

/** Blocks of a message that is itself marked: the mark stands on the last of them, and covers all before it. */
export function markLast(blocks: readonly Block[], message: Cached): readonly Block[] {
  const last = blocks.at(-1);
  if (!message.cache_control || last === undefined || isThought(last)) return blocks;
  return [...blocks.slice(0, -1), { ...last, ...cacheMark(message) }];
}

export function isThought(block: Block): boolean {
  return block.type === "thinking" || block.type === "redacted_thinking";
}

/** None for text that is blank, which Anthropic does not take. */
export function textBlocks(text: string, part: Cached = {}): readonly Block[] {
  return text.trim() === "" ? [] : [{ type: "text", text, ...cacheMark(part) }];
}
