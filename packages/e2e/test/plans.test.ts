import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDatabase } from "@control-plane/db";
import { offlineEngineEnv } from "@control-plane/local-stack";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";
import { createTestKeys, createWorld, openTestDatabase, type TestDatabase } from "@control-plane/testkit";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { copyTenant } from "./plans/many-tenants.ts";
import { memberDocument } from "./plans/member-documents.ts";
import { buildMirroredTenant, type MirroredTenant } from "./tenancy/mirrored-tenant.ts";
import { readTracked } from "./tenancy/tracked-tables.ts";

const COPIES = 800;
const rootDir = join(import.meta.dirname, "../../..");
const run = promisify(execFile);
const { tables } = await readTracked();

let database: TestDatabase & { close(): Promise<void> };
let mine: MirroredTenant;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cp-plans-"));
  database = await openTestDatabase();
  const client = createDatabase({ url: database.url, poolMax: 2, applicationName: "plans", work: "command" });
  mine = await buildMirroredTenant(database.pool, createWorld(client.db), createTestKeys(client.db), "mine");
  await client.close();
  await copyTenant(database.url, mine.tenant.id, COPIES);
});
afterAll(async () => {
  await database?.close();
  await rm(directory, { recursive: true, force: true });
});

/** What the engine's own command prints. */
async function engine(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    [
      "--conditions=@control-plane/source",
      join(rootDir, "packages/hasura-engine/src/cli.ts"),
      ...args,
      "--remote",
      `logs=${join(rootDir, "apps/logs-schema/schema.graphql")}`,
    ],
    {
      env: {
        ...process.env,
        ...offlineEngineEnv(database.urlAs("cp_hasura")),
        HASURA_ENGINE_DOCUMENT_ROOT_FIELDS_MAX: "1000",
        HASURA_ENGINE_DOCUMENT_SUBQUERIES_MAX: "1000",
      },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return stdout;
}

type Printed = { readonly name: string; readonly text: string; readonly values: readonly unknown[] };

/** `-- name`, the statement, and a line `-- $1 = …` for each of its parameters. */
function readStatements(printed: string, session: ReadonlyMap<string, string>): Printed[] {
  return printed
    .split(/^(?=-- \w+$)/m)
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [first = "", ...lines] = part.trimEnd().split("\n");
      const parameters = lines.filter((line) => /^-- \$\d+ = /.test(line));
      return {
        name: first.slice(3),
        text: lines.filter((line) => !parameters.includes(line)).join("\n"),
        values: parameters.map((line) => {
          const said = line.replace(/^-- \$\d+ = /, "");
          const variable = /^session variable (\S+)$/.exec(said)?.[1];
          return variable === undefined ? JSON.parse(said) : session.get(variable);
        }),
      };
    });
}

const planSchema = z.array(z.object({ "QUERY PLAN": z.array(z.object({ Plan: z.unknown() })) })).length(1);
const nodeSchema = z.looseObject({
  "Node Type": z.string(),
  "Relation Name": z.string().optional(),
  Plans: z.array(z.unknown()).default([]),
});

/** Tables that a plan reads from one end to the other. */
function scannedTables(plan: unknown): string[] {
  const node = nodeSchema.parse(plan);
  const here = node["Node Type"] === "Seq Scan" ? [node["Relation Name"] ?? ""] : [];
  return [...here, ...node.Plans.flatMap(scannedTables)];
}

test.each(HASURA_ROLES)("no query of %s reads a table of all tenants from end to end", async (role: HasuraRole) => {
  const file = join(directory, `${role}.graphql`);
  await writeFile(file, memberDocument(await engine("sdl", "--role", role), tables, role));
  const session = new Map([
    ["x-hasura-tenant-id", mine.tenant.id],
    ["x-hasura-user-id", mine.users[role].id],
    ["x-hasura-role", role],
  ]);
  const statements = readStatements(await engine("sql", "--role", role, file), session);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();

  const scans: Record<string, string[]> = {};
  for (const { name, text, values } of statements) {
    const { rows } = await client.query(`explain (format json) ${text}`, [...values]);
    const scanned = scannedTables(planSchema.parse(rows)[0]?.["QUERY PLAN"][0]?.Plan);
    if (scanned.length > 0) scans[name] = scanned;
  }
  await client.end();

  expect(statements.length).toBeGreaterThan(60);
  expect(scans).toEqual({});
});
