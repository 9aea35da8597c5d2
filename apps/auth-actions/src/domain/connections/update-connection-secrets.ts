import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import { type ConnectionConfig, findConnection, replaceSecrets } from "../../store/connections.ts";
import { assertConfigFits } from "./connection-config.ts";
import type { ConnectionState } from "./create-connection.ts";
import { assertSecretsFit, fieldsOf, type Secrets, sealSecrets } from "./secrets.ts";

export type SecretsUpdate = {
  connectionId: string;
  secrets: Secrets;
  /** Absent: stays as it is. */
  config: ConnectionConfig | undefined;
};

/** All secret fields anew; a token that was fetched with the former ones is gone. Throws `NOT_FOUND`, `BAD_INPUT`. */
export async function updateConnectionSecrets(
  deps: Pick<Deps, "db" | "envelope" | "egressAllow">,
  caller: Caller,
  { connectionId, secrets, config }: SecretsUpdate,
): Promise<ConnectionState> {
  const { tenantId } = caller;
  const connection = await findConnection(deps.db, tenantId, connectionId);
  if (connection === undefined) throw notFound();
  if (config !== undefined) assertConfigFits(deps, connection, config);
  assertSecretsFit(connection.auth, secrets);
  const { id, auth } = connection;
  const secretCipher = await sealSecrets(deps.envelope, { id, tenantId }, secrets);
  await inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    const secretFields = [...fieldsOf(auth.authType)];
    if (!(await replaceSecrets(tx, { id, tenantId, secretCipher, secretFields, config }))) throw notFound();
  });
  return { connectionId: id, status: "UNTESTED" };
}

function notFound(): AppError {
  return new AppError("NOT_FOUND", "there is no such connection");
}
