import type { Usage } from "../../../../shared/spend.ts";
import type { FinishReason, ModelEvent, ToolCallStart } from "../../../providers/model-event.ts";
import { CallWriter } from "./call-writer.ts";
import type { EventLog } from "./event-log.ts";
import { MessageWriter } from "./message-writer.ts";
import type { ImageItem, ItemStatus } from "./output-items.ts";
import { ReasoningWriter } from "./reasoning-writer.ts";
import type { ResponseState } from "./response-body.ts";
import { ToolNames } from "../tool-names.ts";

const incompleteReasons: Readonly<Record<FinishReason, ResponseState["incompleteReason"]>> = {
  stop: undefined,
  "tool-calls": undefined,
  length: "max_output_tokens",
  "content-filter": "content_filter",
  // The format has no word for it: the client goes on, or does not.
  pause: undefined,
};

/** Writes the items of a reply, one after the other: what belongs to another item ends the one that is open. */
export class ReplyWriter {
  readonly #log: EventLog;
  readonly #names: ToolNames;
  /** Whether the client has asked for what a provider wants to see again. */
  readonly #sealsThoughts: boolean;
  #open: MessageWriter | ReasoningWriter | CallWriter | undefined;
  #usage: Usage | undefined;
  #reason: FinishReason = "stop";

  constructor(log: EventLog, request: Readonly<Record<string, unknown>>) {
    const include = request["include"];
    this.#log = log;
    this.#names = new ToolNames(request);
    this.#sealsThoughts = Array.isArray(include) && include.includes("reasoning.encrypted_content");
  }

  write(event: ModelEvent): string {
    switch (event.type) {
      case "text-delta":
        return this.#writeText("output_text", event.text);
      case "refusal-delta":
        return this.#writeText("refusal", event.text);
      case "reasoning-delta":
        return this.#writeThought(event.text);
      case "reasoning-signature":
        return this.#sign(event.signature);
      case "reasoning-redacted":
        return this.#redact(event.data);
      case "tool-call":
        return this.#openCall(event);
      case "tool-arguments-delta":
        return this.#open?.kind === "call" && this.#open.index === event.index
          ? this.#open.write(event.json)
          : "";
      case "image":
        return this.#writeImage(event.data);
      case "usage":
        this.#usage = event.usage;
        return "";
      case "finish":
        this.#reason = event.reason;
        return "";
      case "start":
      case "error":
        return "";
    }
  }

  /** Ends the item that is still open: what was cut off is not complete. */
  end(): string {
    return this.#close(incompleteReasons[this.#reason] ? "incomplete" : "completed");
  }

  /** The reply as it is once it has ended. */
  get state(): ResponseState {
    const incompleteReason = incompleteReasons[this.#reason];
    return {
      status: incompleteReason ? "incomplete" : "completed",
      error: null,
      incompleteReason,
      output: this.#log.output,
      usage: this.#usage,
    };
  }

  #close(status: ItemStatus): string {
    const closed = this.#open?.close(status) ?? "";
    this.#open = undefined;
    return closed;
  }

  #writeText(kind: "output_text" | "refusal", text: string): string {
    if (this.#open?.kind === "message") return this.#open.write(kind, text);
    const closed = this.#close("completed");
    const message = new MessageWriter(this.#log);
    this.#open = message;
    return closed + message.open() + message.write(kind, text);
  }

  #writeThought(text: string): string {
    if (this.#open?.kind === "reasoning" && !this.#open.isSealed) return this.#open.write(text);
    const [opened, reasoning] = this.#openReasoning();
    return opened + reasoning.write(text);
  }

  #sign(signature: string): string {
    if (this.#open?.kind === "reasoning" && !this.#open.isSealed) {
      this.#open.sign(signature);
      return "";
    }
    if (!this.#sealsThoughts) return "";
    const [opened, reasoning] = this.#openReasoning();
    reasoning.sign(signature);
    return opened;
  }

  #redact(data: string): string {
    if (!this.#sealsThoughts) return "";
    const [opened, reasoning] = this.#openReasoning();
    reasoning.redact(data);
    return opened;
  }

  /** A call has no field for a signature: that goes sealed into the thought before it, which is an empty one where there is none. */
  #openCall(event: ToolCallStart): string {
    const signed =
      event.thoughtSignature !== undefined && this.#sealsThoughts
        ? this.#signCall(event.id, event.thoughtSignature)
        : "";
    const closed = this.#close("completed");
    const call = new CallWriter(this.#log, event, this.#names.ofClient(event.name));
    this.#open = call;
    return signed + closed + call.open();
  }

  #signCall(id: string, signature: string): string {
    if (this.#open?.kind === "reasoning") {
      this.#open.signCall(id, signature);
      return "";
    }
    const [opened, reasoning] = this.#openReasoning();
    reasoning.signCall(id, signature);
    return opened;
  }

  #openReasoning(): [opened: string, ReasoningWriter] {
    const closed = this.#close("completed");
    const reasoning = new ReasoningWriter(this.#log, this.#sealsThoughts);
    this.#open = reasoning;
    return [closed + reasoning.open(), reasoning];
  }

  #writeImage(data: string): string {
    const closed = this.#close("completed");
    const id = this.#log.nextId("ig");
    const image: ImageItem = {
      id,
      type: "image_generation_call",
      status: "completed",
      result: data,
    };
    return (
      closed +
      this.#log.added({ ...image, status: "in_progress", result: null }) +
      this.#log.done(image)
    );
  }
}
