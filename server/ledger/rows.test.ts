import { expect, test } from "vitest";
import { Rows } from "./rows.ts";

test("come out as they went in, in ranges, however many and whatever they are written in", () => {
  const objects = Array.from({ length: 3_000 }, (_, index) => ({
    index,
    text: `é漢🦆"\\${index}`,
  }));
  const rows = new Rows();
  for (const object of objects) rows.append(Buffer.from(JSON.stringify(object)));
  const again = Rows.from(objects.map((object) => Buffer.from(JSON.stringify(object))));

  expect([rows.count, again.count]).toEqual([3_000, 3_000]);
  for (const [from, to] of [
    [0, 3_000],
    [0, 1],
    [2_999, 3_000],
    [17, 1_717],
  ] as const) {
    expect(JSON.parse(`[${rows.text(from, to)}]`)).toEqual(objects.slice(from, to));
    expect(again.text(from, to)).toBe(rows.text(from, to));
  }
});

test("memory that was made room in holds what comes next, and nothing of what was there", () => {
  const rows = new Rows();
  for (let index = 0; index < 3_000; index += 1) rows.append(Buffer.from(`{"before":${index}}`));
  rows.clear();
  expect(rows.count).toBe(0);
  rows.append(Buffer.from('{"after":1}'));
  rows.append(Buffer.from('{"after":2}'));

  expect([rows.count, rows.text(0, 2)]).toEqual([2, '{"after":1},{"after":2}']);
});
