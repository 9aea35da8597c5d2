import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createEnvelope, createKeyProvider } from "@control-plane/crypto";
import { createDatabase, type Database, findActiveDataKey, findDataKey, insertDataKey } from "@control-plane/db";
import {
  createLogger,
  databaseConfig,
  failpointConfig,
  keyConfig,
  keyProblems,
  readConfig,
} from "@control-plane/service-kit";
import { armFailpoints } from "@control-plane/service-kit/failpoint";
import { z } from "zod";
import type { KeysDeps, Unopenable } from "../domain/keys/keys-deps.ts";
import { rotateDek } from "../domain/keys/rotate-dek.ts";
import { rotateKek } from "../domain/keys/rotate-kek.ts";
import { showStatus } from "../domain/keys/show-status.ts";
import { verifyKeys } from "../domain/keys/verify-keys.ts";
import { rotateSigningCommand } from "./rotate-signing.ts";

const USAGE = `usage: npm run keys -- status
       npm run keys -- rotate-kek
       npm run keys -- rotate-dek [--tenant <id>] [--rest-seconds <n>]
       npm run keys -- verify [--tenant <id>]
       npm run keys -- rotate-signing [--force]`;

/** Twice as long as a process keeps a data key in memory. */
const REST_SECONDS_DEFAULT = 600;

const optionsSchema = z.object({
  tenant: z.uuid().optional(),
  force: z.boolean().default(false),
  "rest-seconds": z.coerce.number().int().min(0).default(REST_SECONDS_DEFAULT),
});

const configSchema = z.object({ DATABASE_URL: databaseConfig.DATABASE_URL, ...keyConfig, ...failpointConfig });

/** One command at a time: two rotations would wait for each other's keys. The lock ends with the session. */
const LOCK_TRIES = 20;

async function withKeysLock(db: Database, work: () => Promise<number>): Promise<number> {
  const client = await db.$client.connect();
  try {
    for (let tries = 0; ; tries += 1) {
      const { rows } = await client.query<{ locked: boolean }>(
        "select pg_try_advisory_lock(hashtextextended('keys command', 0)) as locked",
      );
      if (rows[0]?.locked === true) return await work();
      if (tries >= LOCK_TRIES) throw new Error("another keys command is running");
      await wait(500);
    }
  } finally {
    client.release(true);
  }
}

function report(unopenable: readonly Unopenable[]): number {
  for (const { table, id, column } of unopenable) process.stdout.write(`does not open: ${table} ${id} ${column}\n`);
  return unopenable.length === 0 ? 0 : 1;
}

async function run(command: string, options: z.infer<typeof optionsSchema>, deps: KeysDeps): Promise<number> {
  switch (command) {
    case "status":
      await showStatus(deps);
      return 0;
    case "rotate-kek":
      if (await rotateKek(deps)) return 0;
      deps.print("rotate-kek: data keys with a former key keep coming; restart the services with the new one first");
      return 1;
    case "rotate-dek":
      return report(await rotateDek(deps, { tenantId: options.tenant, restSeconds: options["rest-seconds"] }));
    case "verify":
      return report(await verifyKeys(deps, options.tenant));
    case "rotate-signing":
      return rotateSigningCommand(deps, options.force);
    default:
      process.stderr.write(`${USAGE}\n`);
      return 2;
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { tenant: { type: "string" }, force: { type: "boolean" }, "rest-seconds": { type: "string" } },
});
const options = optionsSchema.parse(values);
const config = readConfig("keys", configSchema, process.env, [keyProblems]);
armFailpoints(config.FAILPOINTS);
const { db, close } = createDatabase({
  url: config.DATABASE_URL,
  poolMax: 4,
  applicationName: "keys",
  work: "command",
});
const provider = createKeyProvider(config);
let progress = "";
const timer = setInterval(() => {
  if (progress !== "") process.stdout.write(`${progress}\n`);
}, 1_000);
const deps: KeysDeps = {
  db,
  provider,
  openEnvelope: () =>
    createEnvelope({
      provider,
      loadKey: (tenantId) => findActiveDataKey(db, tenantId),
      loadKeyById: (id) => findDataKey(db, id),
      insertKey: (key) => insertDataKey(db, key),
    }),
  print: (line) => void process.stdout.write(`${line}\n`),
  progress: (text) => {
    progress = text;
  },
  wait: (ms) => wait(ms),
};
try {
  process.exitCode = await withKeysLock(db, () => run(positionals[0] ?? "", options, deps));
} catch (error) {
  createLogger({ service: "keys", level: "error" }).error({ err: error }, "the command failed");
  process.exitCode = 1;
} finally {
  clearInterval(timer);
  await close();
}
