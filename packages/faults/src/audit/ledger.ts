import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import type { Finding } from "./finding.ts";

const entrySchema = z.object({
  kind: z.enum(["claim", "effect"]),
  runId: z.string(),
  attempt: z.int(),
  stepKey: z.string().default(""),
});
export type LedgerEntry = z.infer<typeof entrySchema>;

/** What runners did to the world, one line each in a file: it outlives the process that did it. */
export function recordInLedger(file: string, entry: LedgerEntry): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

export function readLedger(file: string): LedgerEntry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => entrySchema.parse(JSON.parse(line)));
}

/** A claim is given once for each attempt, and an attempt does each step once. */
export function judgeLedger(entries: readonly LedgerEntry[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { kind, runId, attempt, stepKey } of entries) {
    const key = `${kind} ${runId} ${attempt} ${stepKey}`.trim();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, times]) => times > 1)
    .map(([key, times]) => ({ invariant: "I3", kind: "dup", subject: key, what: `happened ${times} times` }));
}
