/** The kinds of blocks that grow. */
type BlockKind = "text" | "thinking" | "tool_use";

/** What a piece of a block is called. */
const deltas: Readonly<Record<BlockKind, string>> = {
  text: '"type":"text_delta","text":',
  thinking: '"type":"thinking_delta","thinking":',
  tool_use: '"type":"input_json_delta","partial_json":',
};

const emptyBlocks = {
  text: '{"type":"text","text":""}',
  thinking: '{"type":"thinking","thinking":"","signature":""}',
} as const;

/** Writes a message's blocks as events, one block at a time, and counts them. */
export class BlockWriter {
  #last = -1;
  #open: BlockKind | undefined;
  /** What stands before each piece of the open block: made once a block, because pieces are many. */
  #beforePiece = "";

  /** A piece of text, of the open block where that is one of its kind, else of a new one. */
  add(kind: "text" | "thinking", text: string): string {
    return this.#openAs(kind) + this.#piece(text);
  }

  beginCall(id: string, name: string): string {
    const block = { type: "tool_use", id, name, input: {} };
    return this.#begin("tool_use", JSON.stringify(block));
  }

  /** A piece of the arguments of the call that was begun last. */
  addArguments(json: string): string {
    return json === "" ? "" : this.#piece(json);
  }

  /** Seals the open thought, or one that is not shown, and ends it. */
  sign(signature: string): string {
    return (
      this.#openAs("thinking") +
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#last},` +
      `"delta":{"type":"signature_delta","signature":${JSON.stringify(signature)}}}\n\n` +
      this.close()
    );
  }

  addRedacted(data: string): string {
    return this.#start(JSON.stringify({ type: "redacted_thinking", data })) + this.#stop();
  }

  close(): string {
    if (!this.#open) return "";
    this.#open = undefined;
    return this.#stop();
  }

  #openAs(kind: "text" | "thinking"): string {
    return this.#open === kind ? "" : this.#begin(kind, emptyBlocks[kind]);
  }

  #begin(kind: BlockKind, block: string): string {
    const started = this.#start(block);
    this.#open = kind;
    this.#beforePiece = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#last},"delta":{${deltas[kind]}`;
    return started;
  }

  #piece(text: string): string {
    return `${this.#beforePiece}${JSON.stringify(text)}}}\n\n`;
  }

  #start(block: string): string {
    const closed = this.close();
    this.#last += 1;
    return `${closed}event: content_block_start\ndata: {"type":"content_block_start","index":${this.#last},"content_block":${block}}\n\n`;
  }

  #stop(): string {
    return `event: content_block_stop\ndata: {"type":"content_block_stop","index":${this.#last}}\n\n`;
  }
}
