import { createEnvelope, createKeyProvider, type Envelope } from "@control-plane/crypto";
import {
  assertDatabaseFit,
  createDatabase,
  createPipeline,
  type Database,
  type DatabaseWork,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
  isHeldUpByLock,
} from "@control-plane/db";
import { acceptDeliveries, type DeliveryOutcome, type NewDelivery } from "@control-plane/runs";
import {
  type Batcher,
  createBatcher,
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  registerPoolMetrics,
} from "@control-plane/service-kit";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type pg from "pg";
import type { Config } from "./config.ts";
import { createRejections, type Rejections } from "./domain/rejections.ts";
import { createSecretReader, type SecretReader } from "./domain/signature.ts";
import { createTriggerLookup, type FindTrigger } from "./domain/trigger-lookup.ts";
import { addRejections } from "./store/triggers.ts";

/** Counted refusals are written one statement at a time. */
const LOOP_CONNECTIONS = 2;

export type Deps = {
  /** For actions. */
  db: Database;
  /** Of the intake, whose readiness counts. */
  pool: pg.Pool;
  envelope: Envelope;
  findTrigger: FindTrigger;
  readSecrets: SecretReader;
  rejections: Rejections;
  batcher: Batcher<NewDelivery, DeliveryOutcome>;
  /** Longest that storing a webhook takes before the sender is told to come again. */
  intakeMsMax: number;
  hooksPublicUrl: string;
  log: Logger;
  metrics: Metrics;
};

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "webhook-gateway", level: config.LOG_LEVEL });
  const open = (work: DatabaseWork, poolMax: number) =>
    createDatabase({
      url: config.DATABASE_URL,
      poolMax,
      applicationName: "webhook-gateway",
      work,
      waitMsMax: config.DATABASE_WAIT_MS_MAX,
    });
  const intake = open("intake", config.DATABASE_POOL_MAX);
  const requests = open("request", config.DATABASE_POOL_MAX);
  const loops = open("loop", LOOP_CONNECTIONS);
  await assertDatabaseFit(requests.pool, "cp_gateway");
  const { db } = intake;
  const pipeline = createPipeline(intake);
  const envelope = createEnvelope({
    provider: createKeyProvider(config),
    loadKey: (tenantId) => findActiveDataKey(db, tenantId),
    loadKeyById: (id) => findDataKey(db, id),
    insertKey: (key) => insertDataKey(db, key),
  });
  const deps: Deps = {
    db: requests.db,
    pool: intake.pool,
    envelope,
    findTrigger: createTriggerLookup(db),
    readSecrets: createSecretReader(envelope),
    rejections: createRejections((counts) => addRejections(loops.db, counts)),
    batcher: createBatcher({
      write: async (deliveries, apart) => {
        await failpoint("gateway.before-batch");
        const outcomes = await acceptDeliveries(db, deliveries, apart ? db.$client : pipeline);
        await failpoint("gateway.after-insert");
        return outcomes;
      },
      laneOf: ({ tenantId }) => tenantId,
      // A character of a text takes two bytes at most.
      bytesOf: ({ bodyCipher, input }) => bodyCipher.length + 2 * input.length,
      isHeldUp: isHeldUpByLock,
    }),
    intakeMsMax: config.DATABASE_WAIT_MS_MAX,
    hooksPublicUrl: config.HOOKS_PUBLIC_URL,
    log,
    metrics: createMetrics("webhook-gateway"),
  };
  registerPoolMetrics(deps.metrics, { intake: intake.pool, request: requests.pool, loop: loops.pool });
  const close = async (): Promise<void> => {
    await deps.batcher.drain();
    await Promise.all([intake, requests, loops].map((database) => database.close()));
  };
  return { deps, close };
}
