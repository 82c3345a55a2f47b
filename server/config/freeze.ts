import type { DeepReadonly } from "../../shared/config.ts";

export function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  // The one cast: that the value is frozen throughout is what the loop above has just made true.
  return value as DeepReadonly<T>;
}
