import { createEnvelope, createKeyProvider, type Envelope } from "@control-plane/crypto";
import {
  assertDatabaseFit,
  createDatabase,
  type Database,
  type DatabaseWork,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
} from "@control-plane/db";
import { createEgress, type Egress, type EgressAllow, egressAllowTexts } from "@control-plane/egress";
import { openRateStore } from "@control-plane/queue";
import {
  createLogger,
  createMetrics,
  createWakeSignal,
  type Logger,
  type Metrics,
  quietly,
  registerPoolMetrics,
  type WakeSignal,
} from "@control-plane/service-kit";
import type pg from "pg";
import { type BackgroundWork, createBackgroundWork } from "./background-work.ts";
import type { Config } from "./config.ts";
import { createTokenIssuer, type IssueAccessToken } from "./domain/access-token.ts";
import { type AccessTokens, createAccessTokens } from "./domain/connections/access-tokens.ts";
import { createLimits, type Limits } from "./domain/limits.ts";
import { openSigningKeys, type SigningKeys } from "./domain/signing-keys.ts";
import { createFileMailer, createSmtpMailer, type Mailer } from "./outside/mailer.ts";
import { createTurns, type Turns } from "./turns.ts";

export type Deps = {
  db: Database;
  /** Runners that fetch credentials and people do not wait for each other. */
  runnerDb: Database;
  loopDb: Database;
  pool: pg.Pool;
  envelope: Envelope;
  signingKeys: SigningKeys;
  issueAccessToken: IssueAccessToken;
  /** What tenants may call beyond the public internet. */
  egressAllow: EgressAllow;
  egress: Egress;
  accessTokens: AccessTokens;
  limits: Limits;
  /** Parallel refreshes of one token take turns here, with one connection, instead of waiting in the database with many. */
  takeTurns: Turns;
  background: BackgroundWork;
  mailer: Mailer;
  appUrl: string;
  /** A mail waits: the mail loop of this process need not sleep on. */
  mailSignal: WakeSignal;
  log: Logger;
  metrics: Metrics;
  deadLetters: ReturnType<Metrics["counter"]>;
};

const LOOP_CONNECTIONS = 4;

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "auth-actions", level: config.LOG_LEVEL });
  log.info({ egressAllow: egressAllowTexts(config.EGRESS_ALLOW) }, "outgoing calls may also reach these");
  const open = (work: DatabaseWork, poolMax = config.DATABASE_POOL_MAX) =>
    createDatabase({
      url: config.DATABASE_URL,
      poolMax,
      applicationName: "auth-actions",
      work,
      waitMsMax: config.DATABASE_WAIT_MS_MAX,
    });
  const database = open("request");
  const runners = open("runner");
  const loops = open("loop", LOOP_CONNECTIONS);
  await assertDatabaseFit(database.pool, "cp_auth");
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
  const onRedisError = quietly((error) =>
    log.warn({ err: error }, "redis is not reachable; each process counts alone"),
  );
  const rates =
    config.REDIS_URL === undefined
      ? undefined
      : openRateStore({ url: config.REDIS_URL, prefix: config.QUEUE_PREFIX }, onRedisError);
  const background = createBackgroundWork(log);
  const egress = createEgress({ allow: config.EGRESS_ALLOW });
  const metrics = createMetrics("auth-actions");
  const deps: Deps = {
    db: database.db,
    runnerDb: runners.db,
    loopDb: loops.db,
    pool: database.pool,
    envelope,
    signingKeys,
    issueAccessToken,
    egressAllow: config.EGRESS_ALLOW,
    egress,
    accessTokens: createAccessTokens({ db: runners.db, envelope, egress }),
    limits: createLimits(rates, config.AUTH_LIMIT_FACTOR),
    takeTurns: createTurns(),
    background,
    mailer: createMailer(config),
    appUrl: config.APP_URL,
    mailSignal: createWakeSignal(),
    log,
    metrics,
    deadLetters: metrics.counter("dead_letters_total", "dead letters made, by kind", ["kind"]),
  };
  registerPoolMetrics(metrics, { request: database.pool, runner: runners.pool, loop: loops.pool });
  const close = async (): Promise<void> => {
    await signingKeys.stop();
    await background.settled();
    await rates?.close();
    await Promise.all([database.close(), runners.close(), loops.close()]);
  };
  return { deps, close };
}

function createMailer({ SMTP_URL: url, MAIL_DIR: directory, MAIL_FROM: from }: Config): Mailer {
  if (url !== undefined) return createSmtpMailer({ url, from });
  if (directory !== undefined) return createFileMailer({ directory, from });
  throw new Error("there is no way for mails");
}
