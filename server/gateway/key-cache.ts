import { boundedCache } from "./bounded-cache.ts";
import type { Caller } from "./caller.ts";

/** Enough for every key in use on one replica; beyond it the least recently used are read again. */
const capacity = 50_000;

/** Secrets that open nothing are remembered for a moment, so that guessing does not become load on the database. */
const unknownCapacity = 10_000;
const unknownTtlMs = 5_000;

/** A key that was written: by its id, and by its secret's hash where a secret came or went. */
export interface KeyChange {
  readonly key_id: string;
  readonly secret_hash: string | null;
}

/**
 * Callers by the hash of their secret. Filled by `load`, dropped by changes. A fill that began before a change is not
 * kept, and nobody who asks after the change is given it.
 */
export class KeyCache {
  readonly #load: (hash: string) => Promise<Caller | undefined>;
  readonly #onChange: (keyId: string | undefined) => void;
  readonly #hashes = new Map<string, Set<string>>();
  readonly #callers = boundedCache<Caller>(capacity, {
    dispose: (caller, hash) => this.#forget(caller.id, hash),
  });
  readonly #unknown = boundedCache<true>(unknownCapacity, { ttl: unknownTtlMs });
  #filling = new Map<string, Promise<Caller | undefined>>();
  #generation = 0;

  /** @param onChange told of each key that was changed, and without its id that any may have been */
  constructor(
    load: (hash: string) => Promise<Caller | undefined>,
    onChange: (keyId: string | undefined) => void = () => undefined,
  ) {
    this.#load = load;
    this.#onChange = onChange;
  }

  /** The caller where it is cached. */
  atHand(hash: string): Caller | undefined {
    return this.#callers.get(hash);
  }

  /** The caller at once when it is cached, else a promise of it; undefined for a secret that opens nothing. */
  find(hash: string): Caller | undefined | Promise<Caller | undefined> {
    const cached = this.atHand(hash);
    if (cached) return cached;
    if (this.#unknown.has(hash)) return undefined;
    const filling = this.#filling.get(hash) ?? this.#fill(hash);
    this.#filling.set(hash, filling);
    return filling;
  }

  drop({ key_id, secret_hash }: KeyChange): void {
    this.#supersedeFills();
    for (const hash of this.#hashes.get(key_id) ?? []) this.#callers.delete(hash);
    if (secret_hash !== null) this.#unknown.delete(secret_hash);
    this.#onChange(key_id);
  }

  /** For when it is not known what changed. */
  clear(): void {
    this.#supersedeFills();
    this.#callers.clear();
    this.#unknown.clear();
    this.#onChange(undefined);
  }

  #supersedeFills(): void {
    this.#generation += 1;
    this.#filling = new Map();
  }

  async #fill(hash: string): Promise<Caller | undefined> {
    const generation = this.#generation;
    try {
      const caller = await this.#load(hash);
      if (generation === this.#generation) this.#keep(hash, caller);
      return caller;
    } finally {
      if (generation === this.#generation) this.#filling.delete(hash);
    }
  }

  #keep(hash: string, caller: Caller | undefined): void {
    if (!caller) {
      this.#unknown.set(hash, true);
      return;
    }
    this.#callers.set(hash, caller);
    const hashes = this.#hashes.get(caller.id);
    if (hashes) hashes.add(hash);
    else this.#hashes.set(caller.id, new Set([hash]));
  }

  #forget(id: string, hash: string): void {
    const hashes = this.#hashes.get(id);
    hashes?.delete(hash);
    if (hashes?.size === 0) this.#hashes.delete(id);
  }
}
