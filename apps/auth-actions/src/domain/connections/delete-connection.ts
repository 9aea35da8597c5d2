import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import { findUses, lockConnection, removeConnection } from "../../store/connections.ts";

/**
 * The row and its ciphertext are gone afterwards. Throws `NOT_FOUND`, and unless forced `CONNECTION_IN_USE` with the
 * workflows whose latest version has a step that uses it; a version that is being published meanwhile counts.
 */
export async function deleteConnection(
  deps: Pick<Deps, "db">,
  caller: Caller,
  { connectionId, force }: { connectionId: string; force: boolean },
): Promise<{ ok: boolean }> {
  const { tenantId } = caller;
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    // Whoever publishes a version with it holds the row; the look at the versions comes after them.
    if (!(await lockConnection(tx, tenantId, connectionId)))
      throw new AppError("NOT_FOUND", "there is no such connection");
    const workflows = force ? [] : await findUses(tx, tenantId, connectionId);
    if (workflows.length > 0)
      throw new AppError("CONNECTION_IN_USE", "workflows use this connection", { details: { workflows } });
    await removeConnection(tx, tenantId, connectionId);
    return { ok: true };
  });
}
