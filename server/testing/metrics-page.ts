/** A page of metrics, read as Prometheus does: by the whole name of each sample, labels in the order of the alphabet. */
export type MetricsPage = ReadonlyMap<string, number>;

const comment = /^# (HELP|TYPE) [a-z_\d]+ .+$/;
const sample = /^([a-z_\d]+)(?:\{(.*)\})? (\S+)$/;
const label = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** @throws Error with the line that Prometheus would refuse, or that is there twice. */
export function parseMetrics(text: string): MetricsPage {
  const page = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || comment.test(line)) continue;
    const [name, value] = readSample(line);
    if (page.has(name)) throw new Error(`There are two lines for ${name}`);
    page.set(name, value);
  }
  return page;
}

function readSample(line: string): [name: string, value: number] {
  const [, name, labels = "", text] = sample.exec(line) ?? [];
  const value = text === "+Inf" ? Infinity : Number(text);
  const pairs = labels.match(label) ?? [];
  const isNumber = !Number.isNaN(value) || text?.toLowerCase() === "nan";
  if (name === undefined || !isNumber || pairs.join("") !== labels)
    throw new Error(`Prometheus would refuse the line ${line}`);
  const sorted = pairs.map((pair) => pair.replace(/,$/, "")).toSorted();
  return [sorted.length === 0 ? name : `${name}{${sorted.join(",")}}`, value];
}
