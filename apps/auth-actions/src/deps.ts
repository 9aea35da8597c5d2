import { createEnvelope, createKeyProvider, type Envelope } from "@control-plane/crypto";
import {
  assertDatabaseFit,
  createDatabase,
  type Database,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
} from "@control-plane/db";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  registerPoolMetrics,
} from "@control-plane/service-kit";
import type pg from "pg";
import type { Config } from "./config.ts";
import { createTokenIssuer, type IssueAccessToken } from "./domain/access-token.ts";
import { openSigningKeys, type SigningKeys } from "./domain/signing-keys.ts";

export type Deps = {
  db: Database;
  pool: pg.Pool;
  envelope: Envelope;
  signingKeys: SigningKeys;
  issueAccessToken: IssueAccessToken;
  log: Logger;
  metrics: Metrics;
};

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "auth-actions", level: config.LOG_LEVEL });
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "auth-actions",
  });
  await assertDatabaseFit(database.pool);
  const envelope = createEnvelope({
    provider: createKeyProvider(config),
    loadKey: (tenantId) => findActiveDataKey(database.db, tenantId),
    loadKeyById: (id) => findDataKey(database.db, id),
    insertKey: (key) => insertDataKey(database.db, key),
  });
  const signingKeys = await openSigningKeys({ db: database.db, envelope, log });
  const issueAccessToken = createTokenIssuer({
    issuer: config.JWT_ISSUER,
    currentKey: signingKeys.current,
    now: () => new Date(),
  });
  const deps: Deps = {
    db: database.db,
    pool: database.pool,
    envelope,
    signingKeys,
    issueAccessToken,
    log,
    metrics: createMetrics("auth-actions"),
  };
  registerPoolMetrics(deps.metrics, database.pool);
  const close = async (): Promise<void> => {
    signingKeys.stop();
    await database.close();
  };
  return { deps, close };
}
