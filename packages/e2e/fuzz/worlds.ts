import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cloneDatabase, databaseUrl, dropDatabase, roleUrl } from "@control-plane/db";
import { createEngine, type Engine, type Metadata, settingsFromEnv } from "@control-plane/hasura-engine";
import { offlineEngineEnv } from "@control-plane/local-stack";
import { buildSchema } from "graphql";
import pg from "pg";
import { deleteTenant, replaceContents } from "./contents.ts";
import { addTenants, type Tenants } from "./tenants.ts";

/** What there is of the other tenant: its rows, nothing, or rows of the same ids with other values. */
const CONTENTS = ["present", "absent", "replaced"] as const;
type Content = (typeof CONTENTS)[number];

/** The same database but for the other tenant's rows, with an engine over it. */
export type World = { readonly content: Content; readonly engine: Engine; readonly sql: pg.Pool };
export type Three = Readonly<Record<Content, World>>;

export type Worlds = Tenants & {
  /** Nobody writes here. */
  reading(): Three;
  /** For writes; as at the beginning after every `renew`. */
  writing(): Three;
  renew(): Promise<void>;
  /** Other metadata from now on. */
  serve(metadata: Metadata): Promise<void>;
  close(): Promise<void>;
};

/** Rows come in the order in which they lie, whatever else is in the tables: without it a limit picks others. */
const WAYS_WITH_ORDERS_OF_THEIR_OWN = [
  "indexscan",
  "indexonlyscan",
  "bitmapscan",
  "hashjoin",
  "mergejoin",
  "hashagg",
  "memoize",
];

/** Autovacuum looks at the database that is copied: worth another try. */
const IN_USE = "55006";
const TRIES_MAX = 300;
const TRY_AGAIN_MS = 100;

const rootDir = join(import.meta.dirname, "../../..");
const logs = buildSchema(readFileSync(join(rootDir, "apps/logs-schema/schema.graphql"), "utf8"));

/**
 * Makes databases of the three contents and an engine over each, twice.
 * @param serverUrl an administrator's
 */
export async function openWorlds(serverUrl: string, metadata: Metadata): Promise<Worlds> {
  const base = `fuzz_${randomBytes(6).toString("hex")}`;
  try {
    const tenants = await addTenants(await cloneDatabase(serverUrl, base));
    for (const content of CONTENTS) {
      const url = await copyDatabase(serverUrl, base, `${base}_${content}`);
      if (content === "absent") await deleteTenant(url, tenants.theirs.tenant.id);
      if (content === "replaced") await replaceContents(url, tenants.theirs.tenant.id);
    }
    let served = metadata;
    const openThree = async (use: "reading" | "writing"): Promise<Three> => {
      const open = async (content: Content): Promise<World> => {
        const of = `${base}_${content}`;
        const url = await copyDatabase(serverUrl, of, `${of}_${use}`);
        const sql = new pg.Pool({ connectionString: url, max: 1 });
        // The server goes away first when something has failed; that error is the one to be told.
        sql.on("error", () => {});
        const engine = await startEngine(url, served);
        // For connections from now on, which are those of requests: the engine has read the catalogue.
        for (const way of WAYS_WITH_ORDERS_OF_THEIR_OWN)
          await sql.query(`alter database ${of}_${use} set enable_${way} = off`);
        return { content, sql, engine };
      };
      const [present, absent, replaced] = await Promise.all([open("present"), open("absent"), open("replaced")]);
      return { present, absent, replaced };
    };
    let reading = await openThree("reading");
    let writing = await openThree("writing");
    const renew = async (): Promise<void> => {
      await closeThree(writing);
      writing = await openThree("writing");
    };
    return {
      ...tenants,
      reading: () => reading,
      writing: () => writing,
      renew,
      async serve(next) {
        served = next;
        // Not by `reload`: the engines' connections of now read the catalogue slowly.
        await closeThree(reading);
        reading = await openThree("reading");
        await renew();
      },
      async close() {
        await closeThree(reading);
        await closeThree(writing).catch(() => {});
        await dropDatabases(serverUrl, base);
      },
    };
  } catch (error) {
    await dropDatabases(serverUrl, base);
    throw error;
  }
}

async function copyDatabase(serverUrl: string, of: string, name: string): Promise<string> {
  await dropDatabase(serverUrl, name);
  await asAdministrator(serverUrl, async (admin) => {
    for (let tries = 1; ; tries++) {
      try {
        await admin.query(`create database ${name} template ${of}`);
        break;
      } catch (error) {
        if (tries === TRIES_MAX || !(error instanceof pg.DatabaseError) || error.code !== IN_USE) throw error;
        await delay(TRY_AGAIN_MS);
      }
    }
  });
  return databaseUrl(serverUrl, name);
}

async function dropDatabases(serverUrl: string, prefix: string): Promise<void> {
  const names = await asAdministrator(serverUrl, async (admin) => {
    const query = "select datname as name from pg_database where starts_with(datname, $1)";
    return (await admin.query<{ name: string }>(query, [prefix])).rows;
  });
  for (const { name } of names) await dropDatabase(serverUrl, name);
}

async function asAdministrator<T>(serverUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function closeThree(three: Three): Promise<void> {
  for (const { engine, sql } of Object.values(three)) {
    await engine.close();
    await sql.end();
  }
}

function startEngine(url: string, metadata: Metadata): Promise<Engine> {
  return createEngine({
    metadata,
    databaseUrl: roleUrl(url, "cp_hasura", process.env.CP_HASURA_PASSWORD),
    settings: settingsFromEnv(offlineEngineEnv(url)),
    introspect: async () => logs,
    events: false,
  });
}
