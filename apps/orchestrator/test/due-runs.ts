import type { TestRun, TestWorkflow } from "@control-plane/testkit";

/** Runs one after the other, a second apart, the first due the longest. */
export async function addDueRuns(workflow: TestWorkflow, count: number): Promise<TestRun[]> {
  const runs = [];
  for (let index = 0; index < count; index++)
    runs.push(await workflow.run({ runAt: new Date(Date.now() - 3_600_000 + index * 1_000) }));
  return runs;
}
