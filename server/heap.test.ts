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
