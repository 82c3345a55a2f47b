import { LRUCache } from "lru-cache";

type Extras<Value> = Pick<LRUCache.Options<string, Value, unknown>, "ttl" | "dispose">;

/**
 * A cache by name that drops the least recently used beyond `capacity`, and takes memory as it fills. A `max` would have the
 * library set aside everything at the start: 22 bytes an entry, 3 MB for the caches of a gateway that knows a single key.
 */
export function boundedCache<Value extends {}>(
  capacity: number,
  extras: Extras<Value> = {},
): LRUCache<string, Value> {
  return new LRUCache<string, Value>({ maxSize: capacity, sizeCalculation: () => 1, ...extras });
}
