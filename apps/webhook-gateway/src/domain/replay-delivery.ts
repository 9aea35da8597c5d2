import { sha256 } from "@control-plane/crypto";
import { createReplayRun } from "@control-plane/runs";
import { type Caller, currentTrace } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { findStoredBody } from "../store/deliveries.ts";
import { bodyToInput } from "./body.ts";
import { bodyPlace } from "./body-place.ts";

/**
 * Runs a stored delivery once more, on the version that is latest now; each call is a further run. A body that does not open,
 * or is not the one that came, is a fault of ours and runs nothing.
 * Throws `NOT_FOUND` (delivery), `WORKFLOW_NOT_PUBLISHED` (no latest version, or archived).
 */
export async function replayDelivery(
  deps: Pick<Deps, "db" | "envelope">,
  caller: Caller,
  deliveryId: string,
): Promise<{ runId: string }> {
  const { tenantId } = caller;
  const stored = await findStoredBody(deps.db, tenantId, deliveryId);
  if (stored === undefined) throw new AppError("NOT_FOUND", "there is no such delivery");
  const body = await deps.envelope.open(bodyPlace(tenantId, deliveryId), stored.bodyCipher);
  if (!sha256(body).equals(stored.bodyHash)) throw new Error("the stored body of a delivery is not the one that came");
  const input = bodyToInput(body, stored.contentType ?? undefined);
  return createReplayRun(deps.db, caller, { deliveryId, input, traceparent: currentTrace()?.traceparent });
}
