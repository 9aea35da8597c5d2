import type { TestLogs } from "@control-plane/testkit";

/** What differs from an ordinary line; `seq` defaults to the place in the list, from 1. */
export type LineSketch = Partial<{
  attempt: number;
  seq: number;
  ts: Date;
  level: "DEBUG" | "INFO" | "WARN" | "ERROR";
  message: string;
  fields: Record<string, unknown> | null;
  stepRunId: string | null;
  traceId: string | null;
}>;

export type LinePlace = { tenantId: string; run: { id: string }; stepRunId: string | null };

/** Writes as a runner does, in one unordered batch. */
export async function writeLines(logs: TestLogs, place: LinePlace, sketches: readonly LineSketch[]): Promise<void> {
  if (sketches.length === 0) return;
  const documents = sketches.map((sketch, index) => ({
    v: 1,
    tenantId: place.tenantId,
    workflowRunId: place.run.id,
    stepRunId: place.stepRunId,
    attempt: 1,
    seq: index + 1,
    ts: new Date(),
    level: "INFO",
    message: `line ${sketch.seq ?? index + 1}`,
    fields: {},
    traceId: null,
    expiresAt: new Date(Date.now() + 30 * 24 * 3_600_000),
    ...sketch,
  }));
  await logs.lines.insertMany(documents, { ordered: false });
}

/** `count` ordinary lines of an attempt, numbered from `from`. */
export function numbered(count: number, { attempt = 1, from = 1 } = {}): LineSketch[] {
  return Array.from({ length: count }, (_, index) => ({ attempt, seq: from + index }));
}
