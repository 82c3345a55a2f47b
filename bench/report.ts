import type { Contender } from "./contenders.ts";
import type { Round } from "./measure.ts";
import type { Scenario } from "./wire.ts";

// Above this the machine was too busy with something else for the ratios to hold.
const mostNginxMultiples = 2.2;

const columns = [
  { field: "cpuMicros", title: "CPU µs/call", digits: 1 },
  { field: "callsPerSecond", title: "calls/s", digits: 0 },
  { field: "p50Ms", title: "p50 ms", digits: 2 },
] as const satisfies { field: keyof Round; title: string; digits: number }[];

/** The table of a scenario: medians, and per-round ratios to the first contender, which is the baseline. */
export function describeComparison(
  scenario: Scenario,
  contenders: Contender[],
  results: Round[][],
): string {
  const baseline = results[0] ?? [];
  const header = ["", ...columns.flatMap(({ title }) => [title, "× bare (range)"])];
  const rows = contenders.map(({ name }, index) => [
    name,
    ...cells(results[index] ?? [], baseline),
  ]);
  return [
    scenario.title,
    ...align([header, ...rows]),
    ...verdicts(scenario, contenders, results),
  ].join("\n");
}

function cells(rounds: Round[], baseline: Round[]): string[] {
  return columns.flatMap(({ field, digits }) => {
    const { middle, least, most } = spread(ratios(rounds, baseline, field));
    const own = median(rounds.map((round) => round[field])).toFixed(digits);
    return [own, `${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`];
  });
}

function verdicts(scenario: Scenario, contenders: Contender[], results: Round[][]): string[] {
  const roundsOf = (name: string) =>
    results[contenders.findIndex((contender) => contender.name === name)];
  const [baseline = [], nginx, gateway] = [results[0], roundsOf("nginx"), roundsOf("gateway")];
  const lines: string[] = [];
  if (gateway !== undefined) {
    const multiple = median(ratios(gateway, baseline, "cpuMicros"));
    const judgement = multiple <= scenario.target ? "met" : "missed";
    lines.push(
      `  target: CPU at most ${scenario.target} × bare: ${multiple.toFixed(2)}, ${judgement}`,
    );
  }
  if (nginx === undefined)
    return [...lines, "  counts: unknown, there is no nginx to check the machine with"];
  const multiple = median(ratios(baseline, nginx, "cpuMicros"));
  const counts = multiple <= mostNginxMultiples ? "yes" : "no";
  return [
    ...lines,
    `  counts: ${counts}, the bare proxy is at ${multiple.toFixed(2)} × nginx (at most ${mostNginxMultiples})`,
  ];
}

function ratios(rounds: Round[], baseline: Round[], field: keyof Round): number[] {
  return rounds.map((round, index) => round[field] / (baseline[index]?.[field] ?? Number.NaN));
}

function spread(values: number[]) {
  return { middle: median(values), least: Math.min(...values), most: Math.max(...values) };
}

function median(values: number[]): number {
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
