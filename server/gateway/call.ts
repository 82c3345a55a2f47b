import type { ServerResponse } from "node:http";
import type { Deployment } from "../providers/deployment.ts";
import type { Caller } from "./caller.ts";
import type { Group } from "./catalog.ts";
import type { ClientWatch } from "./client-watch.ts";
import type { Endpoint } from "./endpoints.ts";

/** A request for a model on its way: who asked for what, and where the answer goes. */
export interface Call {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly caller: Caller;
  readonly group: Group;
  /** The model name that the client used. */
  readonly asked: string;
  /** The body's length as the client sent it. */
  readonly bodyBytes: number;
  /** The body, parsed, without a `stream` that its endpoint does not heed. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly isStream: boolean;
  readonly response: ServerResponse;
  readonly client: ClientWatch;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
}

/** One try of a call at one upstream: what the ledger has a row for. */
export interface Attempt {
  readonly id: string;
  readonly deployment: Deployment;
  /** How many went before it in this call. */
  readonly retries: number;
  readonly startedAt: Date;
  /** On the monotonic clock. */
  readonly sentAtMs: number;
}
