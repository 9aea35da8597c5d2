import { MongoClient } from "mongodb";
import type { MirroredTenant } from "./mirrored-tenant.ts";

/** One line of the tenant's run and of its step, as a runner writes them. */
export async function addLogLine(mongodbUrl: string, { tenant, mark, shown }: MirroredTenant): Promise<void> {
  const client = await MongoClient.connect(mongodbUrl);
  try {
    await client
      .db()
      .collection("execution_logs")
      .insertOne({
        v: 1,
        tenantId: tenant.id,
        workflowRunId: shown("workflow_runs", "owner"),
        stepRunId: shown("step_runs", "owner"),
        attempt: 1,
        seq: 1,
        ts: new Date(),
        level: "INFO",
        message: mark,
        fields: { mark },
        traceId: null,
        expiresAt: new Date(Date.now() + 24 * 3_600_000),
      });
  } finally {
    await client.close();
  }
}
