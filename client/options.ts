/** Where the gateway is and who calls it. */
export interface ClientOptions {
  /** The gateway's address, without `/trpc`: `http://127.0.0.1:8000`. A path before it is kept. */
  readonly url: string;
  /**
   * The master key or a virtual key, or a function that is asked for it before each call. What the function throws, the
   * call throws as it is. Default: no key is sent, which only a gateway without a master key accepts.
   */
  readonly key?: string | (() => string | Promise<string>);
  /** Sends the requests. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Headers for every request. `authorization` is set from `key`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long a call may take, answer included, once the key is known. At most 2147483647. Default: 30000. */
  readonly timeoutMs?: number;
}

/** What one call may say of itself. */
export interface CallOptions {
  /** Gives the call up: it rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal;
}
