import { inTransaction, memberActor, writeAudit } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import { findConnection, storeTestResult } from "../../store/connections.ts";
import { spend } from "../limits.ts";
import { keepToken } from "./access-tokens.ts";
import { DIAGNOSES, type TestCode, type TestStage } from "./diagnoses.ts";
import { probe } from "./probe.ts";

export type TestResult = {
  ok: boolean;
  stage: TestStage;
  code: TestCode;
  httpStatus: number | null;
  latencyMs: number | null;
  message: string;
  hint: string | null;
  snippet: string | null;
  checkedAt: string;
};

/**
 * Uses the connection once and says how far it came; that is kept with the connection, unless its secrets were replaced
 * meanwhile. Throws `NOT_FOUND`, `RATE_LIMITED`.
 */
export async function testConnection(
  deps: Pick<Deps, "db" | "envelope" | "egress" | "egressAllow" | "limits">,
  caller: Caller,
  connectionId: string,
): Promise<TestResult> {
  await spend(deps.limits.connectionTestsOfTenant, caller.tenantId);
  const connection = await findConnection(deps.db, caller.tenantId, connectionId);
  if (connection === undefined) throw new AppError("NOT_FOUND", "there is no such connection");
  await spend(deps.limits.connectionTests, connection.id);
  const { token, stage, code, httpStatus, latencyMs, snippet } = await probe(deps, connection);
  if (token !== undefined) await keepToken(deps, connection, token);
  const ok = stage === "DONE";
  const checkedAt = new Date().toISOString();
  const result = { ok, stage, code, httpStatus, latencyMs, ...DIAGNOSES[code], snippet, checkedAt };
  await inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    await storeTestResult(tx, connection, result);
    await writeAudit(tx, {
      tenantId: caller.tenantId,
      action: "connection.tested",
      targetType: "connections",
      targetId: connection.id,
      changes: { ok, stage, code },
    });
  });
  return result;
}
