import { randomBytes, randomUUID } from "node:crypto";
import { createEnvelope, createLocalKeyring } from "@control-plane/crypto";
import {
  createDatabase,
  type Database,
  databaseUrl,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
  migrate,
  seed,
} from "@control-plane/db";
import { query, rolePasswords } from "./server.ts";

export type Hook = { readonly path: string; readonly secret: string };

/** Fresh databases for one window each. */
export type HookDatabases = {
  /** The one webhook that every side receives. */
  readonly hook: Hook;
  /** Opens the trigger's secret. */
  readonly keyring: string;
  /** `full`: our schema with a tenant, a published workflow and the trigger. `empty`: nothing, for sides with a schema of their own. */
  create(kind: "full" | "empty"): Promise<{ url: string; drop(): Promise<void> }>;
  drop(): Promise<void>;
};

/** As old as a signed request may be: requests are signed once for all rounds of a bar. */
const TOLERANCE_SECONDS = 900;

export async function createHookDatabases(serverUrl: string): Promise<HookDatabases> {
  const prefix = `bench_hooks_${process.pid}_${Date.now().toString(36)}`;
  const template = `${prefix}_template`;
  const keyring = JSON.stringify({ current: "bench", keys: { bench: randomBytes(32).toString("base64") } });
  const hook = {
    path: randomBytes(16).toString("base64url"),
    secret: `whsec_${randomBytes(32).toString("base64")}`,
  };
  const drop = async (name: string): Promise<void> => {
    await query(serverUrl, `drop database if exists ${name} with (force)`);
  };
  await query(serverUrl, `create database ${template}`);
  try {
    await fill(databaseUrl(serverUrl, template), hook, keyring);
  } catch (error) {
    await drop(template);
    throw error;
  }
  let made = 0;
  return {
    hook,
    keyring,
    async create(kind) {
      made += 1;
      const name = `${prefix}_${made}`;
      await query(serverUrl, `create database ${name} template ${kind === "full" ? template : "template0"}`);
      // What copying and earlier windows left to be written is not this window's.
      await query(serverUrl, "checkpoint");
      return { url: databaseUrl(serverUrl, name), drop: () => drop(name) };
    },
    drop: () => drop(template),
  };
}

async function fill(url: string, hook: Hook, keyring: string): Promise<void> {
  await migrate({ url, passwords: rolePasswords });
  const { db, close } = createDatabase({ url, poolMax: 2, applicationName: "bench", work: "command" });
  try {
    await seed(db);
    const [tenantId, workflowId, triggerId] = [randomUUID(), randomUUID(), randomUUID()];
    const place = { tenantId, table: "triggers", rowId: triggerId, column: "webhook_secret_cipher" };
    await query(url, "insert into tenants (id, slug, name) values ($1, 'bench', 'Bench')", [tenantId]);
    await query(url, "insert into workflows (id, tenant_id, name) values ($1, $2, 'Invoices')", [workflowId, tenantId]);
    await query(
      url,
      `insert into workflow_versions (tenant_id, workflow_id, definition, is_latest, published_at)
       select $1, $2, jsonb_build_object('schemaVersion', 1, 'steps', jsonb_build_array(
                jsonb_build_object('key', 'echo', 'actionId', id))), true, now() from actions where key = 'echo' limit 1`,
      [tenantId, workflowId],
    );
    const cipher = await envelopeOf(db, keyring).seal(place, Buffer.from(hook.secret));
    await query(
      url,
      `insert into triggers (id, tenant_id, workflow_id, name, type, webhook_path, signature_scheme, signature_config,
                             tolerance_seconds, webhook_secret_cipher)
       values ($1, $2, $3, 'Shop', 'WEBHOOK', $4, 'STANDARD_WEBHOOKS', '{}', $5, $6)`,
      [triggerId, tenantId, workflowId, hook.path, TOLERANCE_SECONDS, cipher],
    );
    await query(url, "vacuum (analyze)");
  } finally {
    await close();
  }
}

function envelopeOf(db: Database, keyring: string) {
  return createEnvelope({
    provider: createLocalKeyring(keyring),
    loadKey: (tenantId) => findActiveDataKey(db, tenantId),
    loadKeyById: (id) => findDataKey(db, id),
    insertKey: (key) => insertDataKey(db, key),
  });
}
