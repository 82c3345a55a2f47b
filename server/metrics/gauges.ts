/** What is read from the parts of the gateway at the moment that somebody looks. */
export interface GaugeReaders {
  /** Of the journal's files on disk. */
  journalBytes(): number;
  journalSegments(): number;
  /** Since the oldest entry that has not reached the database; 0 where there is none. */
  journalOldestSeconds(): number;
  /** Settled attempts that wait for the database. */
  rowsWaiting(): number;
  /** Since the oldest of those was settled; 0 where there is none. */
  flushLagSeconds(): number;
  /** Calls that went on though the journal had no room for them. */
  callsUnaccounted(): number;
  /** Those that this process has in hand. */
  allowances(): number;
  /** What is left of them. */
  allowancesHeldUsd(): number;
  callsInFlight(): number;
}

export interface GaugeDescription {
  readonly name: `keyplane_${string}`;
  readonly help: string;
  /** What stands for several processes together. */
  readonly aggregator: "sum" | "max";
}

export const gauges: Readonly<Record<keyof GaugeReaders, GaugeDescription>> = {
  journalBytes: {
    name: "keyplane_journal_bytes",
    help: "Size of the journal on disk",
    aggregator: "sum",
  },
  journalSegments: {
    name: "keyplane_journal_segments",
    help: "Files of the journal",
    aggregator: "sum",
  },
  journalOldestSeconds: {
    name: "keyplane_journal_oldest_seconds",
    help: "Age of the oldest journal entry that has not reached the database",
    aggregator: "max",
  },
  rowsWaiting: {
    name: "keyplane_rows_waiting",
    help: "Settled attempts that wait to be written to the database",
    aggregator: "sum",
  },
  flushLagSeconds: {
    name: "keyplane_flush_lag_seconds",
    help: "How long the oldest settled attempt has been waiting for the database",
    aggregator: "max",
  },
  callsUnaccounted: {
    name: "keyplane_calls_unaccounted",
    help: "Calls that went on without being accounted for, since the journal had no room for them",
    aggregator: "sum",
  },
  allowances: {
    name: "keyplane_allowances",
    help: "Allowances in hand",
    aggregator: "sum",
  },
  allowancesHeldUsd: {
    name: "keyplane_allowances_held_usd",
    help: "What is left of the allowances in hand, in USD",
    aggregator: "sum",
  },
  callsInFlight: {
    name: "keyplane_calls_in_flight",
    help: "Calls that have been admitted and not settled",
    aggregator: "sum",
  },
};
