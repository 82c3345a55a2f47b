import { limitedName, plainName } from "./gateway.ts";
import type { Series } from "./laps.ts";
import type { Round } from "./measure.ts";
import type { Scenario } from "./wire.ts";

// Above this the machine was too busy with something else for the ratios to hold.
const mostNginxMultiples = 2.2;

/** What a key with budgets and limits may cost, in multiples of one without. */
const limitedOfPlain = 1.25;

const columns = [
  { field: "cpuMicros", title: "CPU µs/call", digits: 1 },
  { field: "callsPerSecond", title: "calls/s", digits: 0 },
  { field: "p50Ms", title: "p50 ms", digits: 2 },
] as const satisfies { field: keyof Round; title: string; digits: number }[];

/** The table of a scenario: medians, and per-round ratios to the first series, which is the baseline. */
export function describeComparison(scenario: Scenario, series: readonly Series[]): string {
  const baseline = series[0]?.rounds ?? [];
  const header = ["", ...columns.flatMap(({ title }) => [title, "× bare (range)"])];
  const rows = series.map(({ name, rounds }) => [name, ...cells(rounds, baseline)]);
  return [scenario.title, ...align([header, ...rows]), ...verdicts(scenario, series)].join("\n");
}

function cells(rounds: Round[], baseline: Round[]): string[] {
  return columns.flatMap(({ field, digits }) => {
    const { middle, least, most } = spread(ratios(rounds, baseline, field));
    const own = median(rounds.map((round) => round[field])).toFixed(digits);
    return [own, `${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`];
  });
}

function verdicts(scenario: Scenario, series: readonly Series[]): string[] {
  const roundsOf = (name: string) => series.find((one) => one.name === name)?.rounds;
  const [baseline = [], nginx] = [series[0]?.rounds, roundsOf("nginx")];
  const [plain, limited] = [roundsOf(plainName), roundsOf(limitedName)];
  const { targets } = scenario;
  const lines: string[] = [];
  if (plain && targets)
    lines.push(verdict("CPU", ratios(plain, baseline, "cpuMicros"), targets.plain));
  if (plain && limited && targets)
    lines.push(
      verdict("with budgets and limits", ratios(limited, baseline, "cpuMicros"), targets.limited),
      verdict(
        "their CPU, of the gateway's without",
        ratios(limited, plain, "cpuMicros"),
        limitedOfPlain,
      ),
    );
  if (nginx === undefined)
    return [...lines, "  counts: unknown, there is no nginx to check the machine with"];
  const multiple = median(ratios(baseline, nginx, "cpuMicros"));
  const counts = multiple <= mostNginxMultiples ? "yes" : "no";
  return [
    ...lines,
    `  counts: ${counts}, the bare proxy is at ${multiple.toFixed(2)} × nginx (at most ${mostNginxMultiples})`,
  ];
}

function verdict(what: string, measured: number[], target: number): string {
  const { middle, least, most } = spread(measured);
  const judgement = middle <= target ? "met" : "missed";
  return `  target: ${what} at most ${target}: ${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)}), ${judgement}`;
}

function ratios(rounds: Round[], baseline: Round[], field: keyof Round): number[] {
  return rounds.map((round, index) => round[field] / (baseline[index]?.[field] ?? Number.NaN));
}

function spread(values: number[]) {
  return { middle: median(values), least: Math.min(...values), most: Math.max(...values) };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1
    ? upper
    : (upper + (sorted[sorted.length / 2 - 1] ?? Number.NaN)) / 2;
}

function align(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2),
        )
        .join(""),
    )
    .map((line) => `  ${line}`);
}
