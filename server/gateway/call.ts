import type { IncomingMessage, ServerResponse } from "node:http";
import type { Entry } from "../ledger/ledger.ts";
import type { Slot } from "../limits/limiter.ts";
import type { Deployment } from "../providers/deployment.ts";
import type { Caller } from "./caller.ts";
import type { Group } from "./catalog.ts";
import type { ClientWatch } from "./client-watch.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Permit } from "./permit.ts";
import type { OutputHistory } from "./recent-outputs.ts";
import type { Sent } from "./sent.ts";

/** A request for a model on its way: who asked for what, and where the answer goes. */
export interface Call {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly caller: Caller;
  readonly group: Group;
  /** The model name that the client used. */
  readonly asked: string;
  readonly sent: Sent;
  readonly isStream: boolean;
  /** Whether the client is to see what a stream tells of its usage: it asked for it, or it comes unasked in the format. */
  readonly showsUsage: boolean;
  /** Tokens that the client allows for each answer, by whatever name. */
  readonly askedCap: number | undefined;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: ClientWatch;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  /** What calls like it generated lately. */
  readonly history: OutputHistory;
  readonly permit: Permit;
}

/** One try of a call at one upstream: what the ledger has a row for. */
export interface Attempt {
  readonly deployment: Deployment;
  readonly entry: Entry;
  /** Headers that went with it, names and values in turn: credentials that are good for a while stand in these alone. */
  readonly sentHeaders: readonly string[];
  /** What it takes of its deployment's limits; undefined where it has none. */
  readonly slot: Slot | undefined;
  /** How many went before it in this call. */
  readonly retries: number;
  /** On the monotonic clock. */
  readonly sentAtMs: number;
  /** The same, when the head of the answer came. */
  headAtMs: number | undefined;
  /** The same, when the first of an answer came that was read ahead. */
  firstByteAtMs: number | undefined;
  /** The same, when all was there that is waited for before a reply is written. */
  readyAtMs: number | undefined;
}
