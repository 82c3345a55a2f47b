import { expect, test } from "vitest";
import { run } from "./testing/command.ts";

const heap = new URL("../dist/server/heap.js", import.meta.url).href;

/** CPU of ticks, in a process of its own that has collected garbage in quiet moments, before the first calls came. */
async function ticksAfterQuiet(prepare: string, quietMoments: number): Promise<number> {
  const script = `
    ${prepare}
    const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
    const tick = (left) => new Promise((resolve) => {
      const next = () => (left-- > 0 ? process.nextTick(next) : resolve());
      next();
    });
    await pause();
    for (let moment = 1; moment <= ${quietMoments}; moment += 1) {
      await tick(20 * moment);
      await pause();
      gc();
      await pause();
    }
    await tick(100_000);
    const before = process.cpuUsage();
    await tick(300_000);
    const { user, system } = process.cpuUsage(before);
    console.log(user + system);`;
  const parameters = ["--expose-gc", "--input-type=module", "--eval", script];
  return Number(await run(process.execPath, parameters));
}

test("a collection in a quiet moment makes no later tick dear", async () => {
  const keeping = `import { keepTickShape } from ${JSON.stringify(heap)}; keepTickShape();`;
  const [disturbed, undisturbed] = [
    await ticksAfterQuiet(keeping, 8),
    await ticksAfterQuiet(keeping, 0),
  ];
  expect(disturbed / undisturbed).toBeLessThan(2.5);
});

/** Full collections of a process in which everything lives for a while, as calls do that wait, beside a heap of some size. */
async function fullCollections(isCrowded: boolean): Promise<number> {
  const script = `
    import { PerformanceObserver, constants } from "node:perf_hooks";
    import { fitHeap } from ${JSON.stringify(heap)};
    fitHeap({ isCrowded: ${isCrowded} });
    let full = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries())
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
    }).observe({ entryTypes: ["gc"] });
    const waiting = Array.from({ length: 200_000 }, () => ({}));
    for (let step = 0; step < 200; step += 1) {
      for (let index = 0; index < 40_000; index += 1)
        waiting[(step * 40_000 + index) % waiting.length] = { index, text: [step, index, "text"] };
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(full);`;
  // Later versions of Node have a nursery of several times that size, which all of this would die in.
  const parameters = ["--max-semi-space-size=16", "--input-type=module", "--eval", script];
  return Number(await run(process.execPath, parameters));
}

test("where many calls are under way, full collections are fewer", async () => {
  const [few, many] = [await fullCollections(false), await fullCollections(true)];
  expect(few).toBeGreaterThan(2);
  expect(many / few).toBeLessThan(0.75);
});
