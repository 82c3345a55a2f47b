import { EventEmitter, once } from "node:events";

/** Collects what a callback is given, so that a test can wait for a number of it. */
export function watch<Item>() {
  const items: Item[] = [];
  const arrival = new EventEmitter();
  const add = (item: Item) => {
    items.push(item);
    arrival.emit("item");
  };
  const until = async (count: number): Promise<Item[]> => {
    while (items.length < count) await once(arrival, "item");
    return items;
  };
  return { add, until };
}
