import type { ModelEvent } from "../../providers/model-event.ts";
import type { ReplyHead } from "../dialect.ts";
import { contentBlocks } from "./reply-content.ts";
import { Ending } from "./ending.ts";

/** A whole message: what a client puts together of the stream of the same events. */
export function encodeReply(events: readonly ModelEvent[], head: ReplyHead): unknown {
  const ending = new Ending();
  for (const event of events) ending.note(event);
  return {
    id: `msg_${head.id}`,
    type: "message",
    role: "assistant",
    model: head.model,
    content: contentBlocks(events),
    ...ending.stop,
    usage: ending.usage(head.promptTokens),
  };
}
