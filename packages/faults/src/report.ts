import { reportLines, sumLine } from "./audit/report.ts";
import { type CellResult, isGreen } from "./run-cell.ts";

export function cellLines(result: CellResult): string[] {
  const verdict = isGreen(result) ? "ok" : "RED";
  const head = `${result.id.padEnd(4)} ${verdict.padEnd(4)} ${result.seconds.toFixed(0).padStart(4)} s  ${result.title}`;
  return [
    head,
    ...result.figures.map((text) => `            ${text}`),
    ...[...result.problems, ...result.late].map((text) => `      !     ${text}`),
    ...(result.findings.length === 0 ? [] : reportLines(result.findings)),
  ];
}

export function totalLines(results: readonly CellResult[], seed: number): string[] {
  const red = results.filter((result) => !isGreen(result)).map(({ id }) => id);
  return [
    "",
    `${results.length} cells, ${red.length} red${red.length === 0 ? "" : `: ${red.join(", ")}`}; seed ${seed}`,
    sumLine(results.flatMap(({ findings }) => findings)),
  ];
}
