import { executionAsyncResource } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";

/**
 * How far what is in use may grow until the next full collection, in per cent; left alone, V8 lets it grow to several times its
 * size. At 20 there are two thirds more collections than at 35, and no fewer megabytes; at 50 a third fewer, and four megabytes more.
 */
const growth = 35;

/**
 * The same while many calls are under way: then most of what a call makes outlives V8's nursery, and is left to full collections,
 * which take more CPU than all else if they come at every third part.
 */
const growthInCrowd = 100;

/**
 * Keeps the process small, at a few per cent of CPU (148 MB resident under load instead of 184, on Node 20), or gives a crowd of calls the room
 * that it needs. It applies from when it is set, so no command line needs it; the sizes of V8's nursery do not.
 */
export function fitHeap({ isCrowded }: { isCrowded: boolean }): void {
  setFlagsFromString(`--heap-growing-percent=${isCrowded ? growthInCrowd : growth}`);
}

const kept: object[] = [];

/**
 * Keeps `process.nextTick` fast, which runs a dozen times for every call. V8 forgets a shape that no object has when it collects
 * garbage. Node writes its ticks as literals with computed names, and once V8 has seen one of those with two shapes, it asks
 * its runtime for each property of each tick that follows, whatever is compiled later: 0.6 µs a tick and more instead of 0.15. A
 * single collection in a quiet moment before the first calls does that. The shape of a tick that is kept is never forgotten.
 */
export function keepTickShape(): void {
  process.nextTick(() => kept.push(executionAsyncResource()));
}
