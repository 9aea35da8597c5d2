import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import { clearLatest, lockWorkflow } from "../../store/workflow-versions.ts";

export type Unpublication = { workflowId: string; previousVersion: number | null };

/**
 * Leaves the workflow without a latest version: nothing new starts, runs that exist go on, and publishing any number ends
 * it. Repeating it changes nothing. Throws `NOT_FOUND`.
 */
export async function unpublishWorkflow(
  deps: Pick<Deps, "db">,
  caller: Caller,
  workflowId: string,
): Promise<Unpublication> {
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    const exists = await lockWorkflow(tx, caller.tenantId, workflowId);
    if (!exists) throw new AppError("NOT_FOUND", "there is no such workflow");
    const previous = await clearLatest(tx, caller.tenantId, workflowId);
    return { workflowId, previousVersion: previous ?? null };
  });
}
