import type { Difference } from "./compare.ts";
import type { Transport } from "./data-set.ts";

export type StepResult = {
  readonly folder: string;
  readonly suite: string;
  readonly path: string;
  readonly step: number;
  readonly transport: Transport;
} & (
  | { readonly outcome: "passed"; readonly messageEqual: boolean }
  | {
      readonly outcome: "failed";
      readonly difference: string;
      readonly expected: string;
      readonly got: string;
      readonly request: string;
    }
  | { readonly outcome: "unsupported"; readonly feature: string }
);

export function failure(difference: Difference): string {
  return difference ?? "unknown difference";
}

type Row = {
  folder: string;
  suite: string;
  steps: number;
  passed: number;
  failed: number;
  unsupported: number;
  feature: string;
  messages: number;
  ws: string;
  subscription: string;
};

/** Least share of passed supported steps, by suite. */
const GATES: Readonly<Record<string, number>> = { tables: 0.98, permissions: 1, actions: 0.95, remote: 0.9, events: 1 };

export type Verdict = {
  readonly suite: string;
  readonly passed: number;
  readonly scored: number;
  readonly gate: number;
  readonly holds: boolean;
};

/** The run of each case that counts: over HTTP, or over the first transport of a case that is not for HTTP. */
export function deciding(results: readonly StepResult[]): StepResult[] {
  const transports = new Map<string, Transport>();
  for (const { path, transport } of results)
    if (transport === "http" || !transports.has(path)) transports.set(path, transport);
  return results.filter(({ path, transport }) => transports.get(path) === transport);
}

export function judge(results: readonly StepResult[]): Verdict[] {
  const decisive = deciding(results);
  return Object.entries(GATES).flatMap(([suite, gate]) => {
    const scored = decisive.filter((result) => result.suite === suite && result.outcome !== "unsupported");
    if (scored.length === 0) return [];
    const passed = scored.filter((result) => result.outcome === "passed").length;
    return [{ suite, passed, scored: scored.length, gate, holds: passed / scored.length >= gate }];
  });
}

export function renderTable(results: readonly StepResult[]): string {
  const folders = [...new Set(results.map((result) => result.folder))];
  const rows = folders.map((folder) =>
    rowOf(
      folder,
      results.filter((result) => result.folder === folder),
    ),
  );
  const lines = rows.map(
    (row) =>
      `| ${row.folder} | ${row.suite} | ${row.steps} | ${row.passed} | ${row.failed} | ${row.unsupported}${row.feature === "" ? "" : ` (${row.feature})`} | ${row.messages} | ${row.ws} | ${row.subscription} |`,
  );
  return [
    "| folder | suite | steps | passed | failed | unsupported | messages equal | over WebSocket | as subscription |",
    "|---|---|---|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}

function rowOf(folder: string, results: readonly StepResult[]): Row {
  const decisive = deciding(results);
  const count = (outcome: StepResult["outcome"]): number =>
    decisive.filter((result) => result.outcome === outcome).length;
  const features = decisive.flatMap((result) => (result.outcome === "unsupported" ? [result.feature] : []));
  return {
    folder,
    suite: results[0]?.suite ?? "",
    steps: decisive.length,
    passed: count("passed"),
    failed: count("failed"),
    unsupported: count("unsupported"),
    feature: [...new Set(features)].join(", "),
    messages: decisive.filter((result) => result.outcome === "passed" && result.messageEqual).length,
    ws: share(results, "ws"),
    subscription: share(results, "subscription"),
  };
}

function share(results: readonly StepResult[], transport: Transport): string {
  const own = results.filter((result) => result.transport === transport && result.outcome !== "unsupported");
  if (own.length === 0) return "–";
  return `${own.filter((result) => result.outcome === "passed").length}/${own.length}`;
}

export function renderVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(
    ({ suite, passed, scored, gate, holds }) =>
      `| ${suite} | ${passed}/${scored} | ${((100 * passed) / scored).toFixed(1)} % | ${(100 * gate).toFixed(0)} % | ${holds ? "holds" : "BELOW"} |`,
  );
  return ["| suite | passed | share | gate | |", "|---|---|---|---|---|", ...lines].join("\n");
}
