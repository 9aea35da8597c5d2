import { createEnvelope, createKeyProvider, type Envelope, KeyProviderUnavailableError } from "@control-plane/crypto";
import {
  assertDatabaseFit,
  createDatabase,
  type Database,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
} from "@control-plane/db";
import { acceptDeliveries, type DeliveryOutcome, type NewDelivery } from "@control-plane/runs";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  registerPoolMetrics,
} from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type pg from "pg";
import type { Config } from "./config.ts";
import { type Batcher, createBatcher } from "./domain/batcher.ts";
import { createRejections, type Rejections } from "./domain/rejections.ts";
import { createSecretReader, type SecretReader } from "./domain/signature.ts";
import { createTriggerLookup, type FindTrigger } from "./domain/trigger-lookup.ts";
import { addRejections } from "./store/triggers.ts";

export type Deps = {
  db: Database;
  pool: pg.Pool;
  envelope: Envelope;
  findTrigger: FindTrigger;
  readSecrets: SecretReader;
  rejections: Rejections;
  batcher: Batcher<NewDelivery, DeliveryOutcome>;
  hooksPublicUrl: string;
  log: Logger;
  metrics: Metrics;
};

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "webhook-gateway", level: config.LOG_LEVEL });
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "webhook-gateway",
  });
  await assertDatabaseFit(database.pool);
  const { db } = database;
  const envelope = createEnvelope({
    provider: createKeyProvider(config),
    loadKey: (tenantId) => findActiveDataKey(db, tenantId),
    loadKeyById: (id) => findDataKey(db, id),
    insertKey: (key) => insertDataKey(db, key),
  });
  const findTrigger = createTriggerLookup(db);
  const deps: Deps = {
    db,
    pool: database.pool,
    envelope,
    findTrigger: (path) => whenAway(findTrigger(path)),
    readSecrets: createSecretReader(envelope),
    rejections: createRejections((counts) => addRejections(db, counts)),
    batcher: createBatcher((deliveries) => whenAway(acceptDeliveries(db, deliveries))),
    hooksPublicUrl: config.HOOKS_PUBLIC_URL,
    log,
    metrics: createMetrics("webhook-gateway"),
  };
  registerPoolMetrics(deps.metrics, database.pool);
  const close = async (): Promise<void> => {
    await deps.batcher.drain();
    await database.close();
  };
  return { deps, close };
}

/** A store or key provider that is away must never look like the sender's fault: senders give up on 4xx. */
async function whenAway<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof KeyProviderUnavailableError || isConnectionFault(error)) {
      throw new AppError("UNAVAILABLE", "the service cannot store webhooks at this moment", { cause: error });
    }
    throw error;
  }
}

/** SQLSTATE classes 08, 53, 57 and the network's own codes; drizzle wraps what the driver threw. */
function isConnectionFault(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if (
    "code" in error &&
    typeof error.code === "string" &&
    /^(08|53|57|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(error.code)
  )
    return true;
  if (error instanceof Error && /timeout|terminated|Connection ended|not queryable/i.test(error.message)) return true;
  return "cause" in error && isConnectionFault(error.cause);
}
