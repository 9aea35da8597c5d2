import { uuidv7 } from "@control-plane/crypto";
import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import {
  type ConnectionConfig,
  findUsableAppVersion,
  insertConnection,
  lockConnectionCount,
} from "../../store/connections.ts";
import { assertConfigFits } from "./connection-config.ts";
import { assertSecretsFit, fieldsOf, type Secrets, sealSecrets } from "./secrets.ts";

export type ConnectionRequest = {
  name: string;
  appVersionId: string;
  config: ConnectionConfig;
  secrets: Secrets;
};
export type ConnectionState = { connectionId: string; status: "UNTESTED" };

const CONNECTIONS_MAX = 500;

/**
 * Keeps the secrets with which steps may use an app. Nobody ever reads them again.
 * Throws `NOT_FOUND` (app version), `BAD_INPUT` (secrets or base URL), `NAME_TAKEN`, `CONFLICT` (500 are there already).
 */
export async function createConnection(
  deps: Pick<Deps, "db" | "envelope" | "egressAllow">,
  caller: Caller,
  { name, appVersionId, config, secrets }: ConnectionRequest,
): Promise<ConnectionState> {
  const { tenantId, userId } = caller;
  const version = await findUsableAppVersion(deps.db, tenantId, appVersionId);
  if (version === undefined) throw new AppError("NOT_FOUND", "there is no such published app version");
  assertConfigFits(deps, version, config);
  assertSecretsFit(version.auth, secrets);
  const id = uuidv7();
  const secretCipher = await sealSecrets(deps.envelope, { id, tenantId }, secrets);
  const secretFields = [...fieldsOf(version.auth.authType)];
  await inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    if ((await lockConnectionCount(tx, tenantId)) >= CONNECTIONS_MAX)
      throw new AppError("CONFLICT", `a tenant has at most ${CONNECTIONS_MAX} connections`);
    const connection = { id, tenantId, appVersionId, name, config, secretCipher, secretFields, createdBy: userId };
    if (!(await insertConnection(tx, connection))) throw new AppError("NAME_TAKEN", "a connection has this name");
  });
  return { connectionId: id, status: "UNTESTED" };
}
