import type { AuthClient, GoogleAuth, GoogleAuthOptions } from "google-auth-library";
import { within } from "../../deadline.ts";
import { type Fields, isFields, parseJson } from "../json.ts";

/** What is used of the package. */
interface AuthLibrary {
  readonly GoogleAuth: new (options: GoogleAuthOptions) => GoogleAuth;
}

const scope = "https://www.googleapis.com/auth/cloud-platform";
/** A token is not used in its last minute: a call that leaves with it must still arrive. */
const leewayMs = 60_000;
const timeoutMs = 10_000;

/**
 * Access tokens for Vertex AI. One is kept until a minute before it ends; who asks while one is fetched waits for that.
 *
 * Its messages are for the operator, and carry nothing of the credentials.
 */
export class VertexTokens {
  readonly #credentials: string | undefined;
  readonly #load: () => Promise<AuthLibrary>;
  #auth: GoogleAuth | undefined;
  #token: { readonly value: string; readonly endsAtMs: number } | undefined;
  #pending: Promise<string> | undefined;

  /**
   * @param credentials `vertex_credentials`: the path of a credentials file, or its JSON. Without them: the application default,
   *   as on Google's own machines
   * @param load the optional package `google-auth-library`
   */
  constructor(credentials?: string, load: () => Promise<AuthLibrary> = loadLibrary) {
    this.#credentials = credentials;
    this.#load = load;
  }

  /** @throws Error where the package is not installed, the credentials cannot be read, or Google refuses them */
  async get(): Promise<string> {
    if (this.#token && Date.now() < this.#token.endsAtMs - leewayMs) return this.#token.value;
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetch(): Promise<string> {
    const auth = await this.#open();
    const purpose = "get an access token for Vertex AI";
    const client: AuthClient = await tell(purpose, auth.getClient());
    const { token } = await tell(purpose, client.getAccessToken());
    if (!token) throw new Error(`Cannot ${purpose}: Google answered without one`);
    this.#token = { value: token, endsAtMs: client.credentials.expiry_date ?? 0 };
    return token;
  }

  async #open(): Promise<GoogleAuth> {
    if (this.#auth) return this.#auth;
    const source = sourceOf(this.#credentials);
    const { GoogleAuth } = await this.#load();
    this.#auth = new GoogleAuth({ ...source, scopes: [scope] });
    return this.#auth;
  }
}

function sourceOf(credentials: string | undefined): { credentials?: Fields; keyFile?: string } {
  if (!credentials) return {};
  if (!credentials.trimStart().startsWith("{")) return { keyFile: credentials };
  // What is wrong with the text is not told: that would quote from a private key.
  const parsed = parseJson(credentials);
  if (isFields(parsed)) return { credentials: parsed };
  throw new Error("Cannot use vertex_credentials: the text in it is no valid JSON");
}

/** The library's error holds the request that failed, key and all: only its message is passed on. */
async function tell<T>(purpose: string, work: Promise<T>): Promise<T> {
  const outcome = await within(work, timeoutMs, purpose).then(
    (value) => ({ value }),
    (error: unknown) => ({ reason: error instanceof Error ? error.message : String(error) }),
  );
  if ("value" in outcome) return outcome.value;
  throw new Error(`Cannot ${purpose}: ${outcome.reason}`);
}

async function loadLibrary(): Promise<AuthLibrary> {
  try {
    return await import("google-auth-library");
  } catch (error) {
    throw new Error('Cannot use Vertex AI: the package "google-auth-library" is not installed', {
      cause: error,
    });
  }
}
