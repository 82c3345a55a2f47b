/** A call that its client has seen the end of. */
export interface AnsweredCall {
  readonly requestId: string;
  /** That it asked a counting upstream to generate. */
  readonly tokens: number;
}

/** A call that was refused, in the words of the gateway. */
export interface RefusedCall {
  readonly status: number;
  readonly code: string | null;
  /** Since 1970. */
  readonly atMs: number;
}

export interface CallerSettings {
  /** Where the next call goes; asked anew for each, since processes come and go. */
  readonly url: () => string;
  readonly key: string;
  readonly count: number;
  /** Fields over those of the body. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Tokens that each call asks a counting upstream to generate; random unless given. */
  readonly tokens?: number;
  /** They all stream, and are gone once they have seen the first of a reply. */
  readonly hangUp?: boolean;
}

/** Clients that call on and on, half of them streaming unless they hang up, until they are stopped. */
export class Callers {
  readonly answered: AnsweredCall[] = [];
  readonly refused: RefusedCall[] = [];
  /** Calls that their client has hung up in the middle of. */
  readonly abandoned: string[] = [];
  readonly #settings: CallerSettings;
  readonly #running: Promise<void>[];
  #isStopped = false;
  #serial = 0;

  constructor(settings: CallerSettings) {
    this.#settings = settings;
    this.#running = Array.from({ length: settings.count }, (_, index) =>
      this.#run(settings.hangUp === true || index % 2 === 0),
    );
  }

  /** Resolves once the last of them has seen the end of its call. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #run(stream: boolean): Promise<void> {
    while (!this.#isStopped) {
      const isAnswered = await this.#call(stream);
      if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #call(stream: boolean): Promise<boolean> {
    const { url, key, fields, hangUp } = this.#settings;
    const { tokens = 1 + Math.floor(Math.random() * 999) } = this.#settings;
    this.#serial += 1;
    const requestId = `${crypto.randomUUID()}-${this.#serial}`;
    try {
      const response = await fetch(`${url()}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "x-request-id": requestId },
        body: JSON.stringify({
          model: "gpt",
          messages: [{ role: "user", content: "Hi" }],
          user: String(tokens),
          stream,
          ...fields,
        }),
      });
      if (hangUp && response.status === 200) return await this.#hangUp(requestId, response);
      const text = await response.text();
      if (response.status !== 200) this.#noteRefusal(response.status, text);
      else if (!stream || text.endsWith("data: [DONE]\n\n"))
        this.answered.push({ requestId, tokens });
      return response.status === 200;
    } catch {
      // The process died under it.
      return false;
    }
  }

  async #hangUp(requestId: string, { body }: Response): Promise<boolean> {
    const reader = body?.getReader();
    await reader?.read();
    await reader?.cancel();
    this.abandoned.push(requestId);
    return true;
  }

  #noteRefusal(status: number, text: string): void {
    const { error } = JSON.parse(text) as { error: { code: string | null } };
    this.refused.push({ status, code: error.code, atMs: Date.now() });
  }
}
