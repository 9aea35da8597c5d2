import { randomUUID } from "node:crypto";
import type { Db } from "mongodb";
import { expect } from "vitest";
import { z } from "zod";
import { watchCommands } from "./commands.ts";
import { numbered, writeLines } from "./lines.ts";
import { cursorText } from "./page.ts";
import { test } from "./service.ts";

const LINES_OF_A_RUN = 40;
const LINES_OF_OTHERS = 400;
const EVERY_FILTER = {
  minLevel: "INFO",
  attempt: 1,
  from: "2020-01-01T00:00:00Z",
  to: "2099-01-01T00:00:00Z",
  contains: "line",
};

/** What explain says, wherever in the document a server says it. */
type Plan = { indexes: string[]; stages: string[]; documentsExamined: number };

async function explain(db: Db, { lsid: _, $db: __, ...command }: Record<string, unknown>): Promise<Plan> {
  const plan: Plan = { indexes: [], stages: [], documentsExamined: 0 };
  const visit = (value: unknown): void => {
    const node = z.record(z.string(), z.unknown()).safeParse(value).data;
    if (Array.isArray(value)) value.forEach(visit);
    else if (node !== undefined) {
      const { stage, indexName, totalDocsExamined } = node;
      if (typeof stage === "string") plan.stages.push(stage);
      if (typeof indexName === "string") plan.indexes.push(indexName);
      if (typeof totalDocsExamined === "number")
        plan.documentsExamined = Math.max(plan.documentsExamined, totalDocsExamined);
      for (const [key, child] of Object.entries(node)) if (key !== "rejectedPlans") visit(child);
    }
  };
  visit(await db.command({ explain: command, verbosity: "executionStats" }));
  return plan;
}

const PAGES = [
  {},
  { last: 10 },
  { after: cursorText("1.10"), first: 10 },
  { before: cursorText("2.10"), last: 10 },
  { after: cursorText("1.10"), filter: { attempt: 1 } },
] as const;

test("each page is served by its index, examines no document of another run, and is not sorted by MongoDB", {
  timeout: 60_000,
}, async ({ service, acme, logs }) => {
  const { secantusVersion } = await logs.db.admin().command({ buildInfo: 1 });
  await acme.write(...numbered(LINES_OF_A_RUN / 2), ...numbered(LINES_OF_A_RUN / 2, { attempt: 2 }));
  // Another run of the tenant, and the same attempts of somebody else's.
  for (const tenantId of [acme.id, randomUUID()])
    await writeLines(logs, { tenantId, run: { id: randomUUID() }, stepRunId: randomUUID() }, numbered(LINES_OF_OTHERS));
  const commands = watchCommands(service);

  for (const page of PAGES) {
    await acme.readRun(service, page);
    await acme.readRun(service, { ...page, filter: { stepRunId: acme.stepRunId, ...EVERY_FILTER } });
  }
  const ofRuns = commands.splice(0);
  for (const page of PAGES) {
    await acme.readStep(service, page);
    await acme.readStep(service, { ...page, filter: EVERY_FILTER });
  }
  const ofSteps = commands.splice(0);

  // A page with a filter that is not full also asks how far it looked.
  expect(ofSteps).toHaveLength(PAGES.length * 3);
  for (const [index, sent] of [
    ["run_page", ofRuns],
    ["step_page", ofSteps],
  ] as const)
    for (const command of sent) {
      const plan = await explain(logs.db, command);
      expect(plan.indexes.length).toBeGreaterThan(0);
      expect(new Set(plan.indexes)).toEqual(new Set([index]));
      expect(plan.stages).not.toContain("COLLSCAN");
      expect(plan.documentsExamined).toBeLessThanOrEqual(LINES_OF_A_RUN);
      // SecantusDB, the development server, sorts after the scan of the index.
      if (secantusVersion === undefined) expect(plan.stages).not.toContain("SORT");
    }
});
