import type { Ledger } from "../ledger/ledger.ts";
import type { Limiter } from "../limits/limiter.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Transport } from "../providers/call.ts";
import type { Authentication } from "./authenticate.ts";
import type { CallsInFlight } from "./calls-in-flight.ts";
import type { Catalog } from "./catalog.ts";
import type { KeepAlive } from "./keep-alive.ts";
import type { Treasury } from "./money.ts";
import type { RecentOutputs } from "./recent-outputs.ts";

/** What the data plane works with. */
export interface Gateway {
  readonly authentication: Authentication;
  readonly catalog: () => Catalog;
  readonly transport: Transport;
  readonly ledger: Ledger;
  readonly recentOutputs: RecentOutputs;
  readonly limiter: Limiter;
  readonly treasury: Treasury;
  readonly inFlight: CallsInFlight;
  readonly keepAlive: KeepAlive;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What models are shown as created at: no upstream is asked. */
  readonly startedAt: Date;
  readonly maxBodyBytes: number;
  /** Leave the upstream's name of the model in replies. */
  readonly returnUpstreamModel: boolean;
  /** The group whose upstream account keeps files and batches; undefined where none does. */
  readonly filesModel: string | undefined;
}
