import { Agent, request, type Dispatcher } from "undici";
import { GatewayError } from "../errors.ts";
import { guardedLookup, isOpen, type Reach } from "./guarded-lookup.ts";

export interface SafeFetchOptions extends Reach {
  /** The field that names the address, for errors. */
  readonly param: string;
  /** What is read counts against it. */
  readonly budget: ByteBudget;
  /** For all of it, redirects included. 10 s by default. */
  readonly timeoutMs?: number;
  /** 80 and 443 by default. */
  readonly ports?: readonly number[];
  /** Ends the fetch: whoever asked for it is gone. */
  readonly signal?: AbortSignal;
}

export interface Fetched {
  readonly bytes: Buffer;
  /** In lower case and without its parameters, as the host says it: nobody has checked. */
  readonly contentType: string | undefined;
}

/** Bytes that several fetches may read together. */
export class ByteBudget {
  readonly limit: number;
  #left: number;

  constructor(limit: number) {
    this.limit = limit;
    this.#left = limit;
  }

  /** False, and nothing taken, where more is asked for than is left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

const maxRedirects = 3;
const defaultTimeoutMs = 10_000;
const defaultPorts: readonly number[] = [80, 443];
const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches an address that a user chose. Only hosts of the public internet are reached: an address is checked where the connection
 * is made, so that a name cannot point elsewhere between check and use, and again at every redirect. Nothing is sent along.
 *
 * @throws GatewayError `invalid_request`. A host that may not be reached and one that is not there read the same: the message
 *   tells nothing of the network
 */
export async function safeFetch(address: string, options: SafeFetchOptions): Promise<Fetched> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs);
  const agent = new Agent({ connect: { lookup: guardedLookup(options) } });
  const visit = new Visit(address, options);
  try {
    const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
    return await visit.run({ dispatcher: agent, signal });
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw visit.failure(timeout.aborted ? "it took too long" : unreachable);
  } finally {
    // Awaiting it would wait for a host that does not close.
    void agent.destroy();
  }
}

const unreachable = "its host cannot be reached";

interface Wire {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

class Visit {
  readonly #address: string;
  readonly #options: SafeFetchOptions;

  constructor(address: string, options: SafeFetchOptions) {
    this.#address = address;
    this.#options = options;
  }

  async run(wire: Wire): Promise<Fetched> {
    let url = this.#check(this.#address);
    for (let redirected = 0; redirected <= maxRedirects; redirected++) {
      const response = await request(url, {
        ...wire,
        headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "keyplane" },
      });
      const { location } = response.headers;
      if (!redirects.has(response.statusCode) || typeof location !== "string")
        return await this.#read(response);
      response.body.on("error", ignore).destroy();
      url = this.#check(location, url);
    }
    throw this.failure(`it redirects more than ${maxRedirects} times`);
  }

  failure(why: string): GatewayError {
    return new GatewayError("invalid_request", `Cannot fetch ${shown(this.#address)}: ${why}`, {
      param: this.#options.param,
    });
  }

  #check(address: string, base?: URL): URL {
    const url = parse(address, base);
    if (!url) throw this.failure("it is no address");
    if (url.protocol !== "http:" && url.protocol !== "https:")
      throw this.failure("only http and https are fetched");
    if (url.username !== "" || url.password !== "")
      throw this.failure("it carries a user name or a password");
    const ports = this.#options.ports ?? defaultPorts;
    if (!ports.includes(portOf(url))) throw this.failure(`only port ${ports.join(" or ")} is open`);
    // No lookup happens for a host that is an address already.
    if (!isOpen(url.hostname, this.#options)) throw this.failure(unreachable);
    return url;
  }

  async #read(response: Dispatcher.ResponseData): Promise<Fetched> {
    const { headers, body } = response;
    const { budget } = this.#options;
    const fault = faultOf(response, budget);
    if (fault !== undefined) {
      body.on("error", ignore).destroy();
      throw this.failure(fault);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (!budget.take(chunk.length)) throw this.failure(tooLarge(budget));
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), contentType: contentType(headers["content-type"]) };
  }
}

/** What a head tells that makes reading the rest idle. */
function faultOf(
  { statusCode, headers }: Dispatcher.ResponseData,
  budget: ByteBudget,
): string | undefined {
  if (statusCode !== 200) return `it answered with status ${statusCode}`;
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    return "it answered with packed bytes, which nobody had asked for";
  return Number(headers["content-length"] ?? 0) > budget.limit ? tooLarge(budget) : undefined;
}

function tooLarge({ limit }: ByteBudget): string {
  return `what the request names is larger than ${limit} bytes together`;
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

function contentType(header: string | string[] | undefined): string | undefined {
  const [first = ""] = typeof header === "string" ? [header] : (header ?? []);
  return first.split(";")[0]?.trim().toLowerCase() || undefined;
}

/** Without what may be a secret in it: a signature in the query, a password. */
function shown(address: string): string {
  const url = parse(address);
  const text = url && url.host !== "" ? `${url.protocol}//${url.host}${url.pathname}` : address;
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** `URL.parse` is not in every Node 20. */
function parse(address: string, base?: URL): URL | undefined {
  return URL.canParse(address, base?.href) ? new URL(address, base) : undefined;
}

function ignore(): void {}
