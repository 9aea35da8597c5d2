import { EnvelopeError } from "@control-plane/crypto";
import { inTransaction, writeAudit } from "@control-plane/db";
import type { Credential } from "@control-plane/egress";
import type { CredentialsReply } from "@control-plane/queue";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import { type Connection, markFailing } from "../../store/connections.ts";
import { findLeasedConnection, holdsLease, type Lease } from "../../store/leases.ts";
import { bearerCredential, directCredential } from "./credential.ts";
import type { TestCode, TestStage } from "./diagnoses.ts";
import { openSecrets } from "./secrets.ts";

type ReadDeps = Pick<Deps, "runnerDb" | "envelope" | "accessTokens">;

/**
 * What a runner attaches to the calls of a step, for as long as it holds the run. Each read is in the trail before it is
 * answered. Throws `STALE_ATTEMPT`, `NOT_FOUND` (no step of the run's version uses the connection, or it is gone),
 * `CREDENTIAL_UNAVAILABLE` with stage and cause.
 */
export async function readCredential(deps: ReadDeps, lease: Lease, connectionId: string): Promise<CredentialsReply> {
  const held = await findLeasedConnection(deps.runnerDb, lease, connectionId);
  if (held === undefined) throw staleAttempt();
  const { connection } = held;
  if (connection === undefined) throw new AppError("NOT_FOUND", "the run uses no such connection");
  const { credential, secondsLeft } = await makeReady(deps, connection);
  const { id, tenantId, auth, allowedHosts } = connection;
  await inTransaction(deps.runnerDb, { source: "runner", runId: lease.runId, tenantId }, async (tx) => {
    // Opening and fetching take their time; what lapsed meanwhile reads nothing.
    if (!(await holdsLease(tx, lease))) throw staleAttempt();
    await writeAudit(tx, {
      tenantId,
      action: "connection.credential_read",
      targetType: "connections",
      targetId: id,
      changes: { connectionId: id, runId: lease.runId },
    });
  });
  return {
    connectionId: id,
    authType: auth.authType,
    headers: credential.headers,
    query: credential.query,
    allowedHosts: [...allowedHosts],
    expiresAt: secondsLeft === undefined ? null : new Date(Date.now() + secondsLeft * 1000).toISOString(),
  };
}

export function staleAttempt(): AppError {
  return new AppError("STALE_ATTEMPT", "this attempt is over: stop at once and write nothing more");
}

async function makeReady(
  deps: ReadDeps,
  connection: Connection,
): Promise<{ credential: Credential; secondsLeft: number | undefined }> {
  const { auth } = connection;
  try {
    if (auth.authType !== "OAUTH2_CLIENT_CREDENTIALS") {
      const secrets = await openSecrets(deps.envelope, connection);
      return { credential: directCredential(auth, secrets), secondsLeft: undefined };
    }
    const result = await deps.accessTokens.get({ ...connection, auth });
    if (result.outcome === "failed") throw unavailable("TOKEN", result.code);
    return { credential: bearerCredential(result.token), secondsLeft: result.secondsLeft };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    await inTransaction(deps.runnerDb, { source: "auth-actions", tenantId: connection.tenantId }, (tx) =>
      markFailing(tx, connection),
    );
    throw unavailable("DECRYPT", "DECRYPT_FAILED");
  }
}

function unavailable(stage: TestStage, cause: TestCode): AppError {
  return new AppError("CREDENTIAL_UNAVAILABLE", "the credential could not be made ready", {
    details: { stage, cause },
  });
}
