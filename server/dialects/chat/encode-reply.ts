import type { ThinkingBlock } from "../../../shared/openai/chat.ts";
import type { Usage } from "../../../shared/spend.ts";
import type { FinishReason, ModelEvent, ToolCallStart } from "../../providers/model-event.ts";
import type { ReplyHead } from "../dialect.ts";
import { finishReasons } from "./finish-reason.ts";
import { encodeCall, encodeImage } from "./pieces.ts";
import { encodeUsage } from "./usage.ts";

interface Said {
  text: string;
  refusal: string;
  /** All thoughts, and the one that has no signature yet. */
  reasoning: string;
  thinking: string;
  readonly thinkingBlocks: ThinkingBlock[];
  readonly calls: Map<number, { readonly start: ToolCallStart; json: string }>;
  readonly images: ReturnType<typeof encodeImage>[];
  usage: Usage | undefined;
  reason: FinishReason;
}

/** A `chat.completion` of everything that a model said. */
export function encodeReply(events: readonly ModelEvent[], head: ReplyHead): unknown {
  const said: Said = {
    text: "",
    refusal: "",
    reasoning: "",
    thinking: "",
    thinkingBlocks: [],
    calls: new Map(),
    images: [],
    usage: undefined,
    reason: "stop",
  };
  for (const event of events) add(event, said);
  return {
    id: `chatcmpl-${head.id}`,
    object: "chat.completion",
    created: Math.floor(head.createdAtMs / 1000),
    model: head.model,
    choices: [
      {
        index: 0,
        message: messageOf(said),
        logprobs: null,
        finish_reason: finishReasons[said.reason],
      },
    ],
    ...(said.usage && { usage: encodeUsage(said.usage) }),
  };
}

function add(event: ModelEvent, said: Said): void {
  switch (event.type) {
    case "text-delta":
      said.text += event.text;
      return;
    case "refusal-delta":
      said.refusal += event.text;
      return;
    case "reasoning-delta":
      said.reasoning += event.text;
      said.thinking += event.text;
      return;
    case "reasoning-signature":
      said.thinkingBlocks.push({
        type: "thinking",
        thinking: said.thinking,
        signature: event.signature,
      });
      said.thinking = "";
      return;
    case "reasoning-redacted":
      said.thinkingBlocks.push({ type: "redacted_thinking", data: event.data });
      return;
    case "tool-call":
      said.calls.set(event.index, { start: event, json: "" });
      return;
    case "tool-arguments-delta": {
      const call = said.calls.get(event.index);
      if (call) call.json += event.json;
      return;
    }
    case "image":
      said.images.push(encodeImage(event));
      return;
    case "usage":
      said.usage = event.usage;
      return;
    case "finish":
      said.reason = event.reason;
      return;
    case "start":
    case "error":
  }
}

function messageOf({ text, refusal, reasoning, thinkingBlocks, calls, images }: Said) {
  return {
    role: "assistant",
    content: text === "" ? null : text,
    refusal: refusal === "" ? null : refusal,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(thinkingBlocks.length > 0 && { thinking_blocks: thinkingBlocks }),
    ...(calls.size > 0 && {
      tool_calls: [...calls.values()].map(({ start, json }) => encodeCall(start, json)),
    }),
    ...(images.length > 0 && { images }),
  };
}
