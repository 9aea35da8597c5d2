import type { TestWorkflow } from "@control-plane/testkit";

/** The body of a claim of the first attempt. */
export const claimRequest = { contractVersion: 1, attempt: 1, runnerId: "runner-7" };

export const queuedRun = (workflow: TestWorkflow) => workflow.run({ status: "QUEUED", input: { city: "Basel" } });
