import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createEngine, type Engine } from "../../src/engine.ts";
import {
  isJsonList,
  isJsonNumber,
  isJsonObject,
  type Json,
  parseJson,
  printJson,
  toJson,
} from "../../src/json/exact-json.ts";
import { compileOptions } from "../../src/run/compile-options.ts";
import { buildServer } from "../../src/server.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { printStatements } from "../../src/sql/print-statements.ts";
import { metadataOf } from "../events/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { layOutStatements } from "./lay-out-statements.ts";
import { readArea, readCase } from "./read-cases.ts";

const ADMIN_SECRET = "an-admin-secret-for-tests";

/** Cases that keep out what went wrong in another product (docs/security.md). */
const GUARDS: Readonly<Record<string, string>> = {
  "update-many-keeps-the-filter-for-every-entry": "[CVE-2022-46792]",
  "a-column-a-role-may-not-read-is-unknown-in-where": "[CVE-2026-54698]",
  "a-column-a-role-may-not-read-is-unknown-in-order-by": "[CVE-2026-54698]",
};

for (const area of foldersIn(import.meta.dirname)) describeArea(area);

function describeArea(name: string): void {
  const area = readArea(resolve(import.meta.dirname, name));
  const settings = settingsFromEnv({ HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET, ...area.env });
  let database: TestDatabase;
  let engine: Engine;
  let server: FastifyInstance;

  describe(name, () => {
    beforeAll(async () => {
      database = await createTestDatabase(area.setupSql + area.rowsSql);
      const { tables, ...root } = area.metadata;
      engine = await createEngine({ metadata: metadataOf(tables, root), databaseUrl: database.url, settings });
      server = await buildServer(engine, { settings });
    });
    afterAll(async () => {
      await server.close();
      await engine.close();
      await database.drop();
    });

    test("all of the metadata is consistent", () => {
      expect(engine.inconsistencies()).toEqual([]);
    });

    for (const folder of foldersIn(area.folder)) {
      test([folder.replaceAll("-", " "), GUARDS[folder] ?? []].flat().join(" "), async () => {
        const wanted = readCase(resolve(area.folder, folder));
        if (/\bmutation\b/.test(wanted.query)) await database.pool.query(area.rowsSql);

        const text = await answerTo(wanted);

        expect(lines(comparable(parseJson(text)))).toBe(lines(comparable(wanted.expected)));
        if (role(wanted.headers) !== "admin") expect(text).not.toContain('"internal"');
        if (wanted.sqlFile !== undefined) await expect(statementsOf(wanted)).toMatchFileSnapshot(wanted.sqlFile);
        for (const { sql, rows } of wanted.after) expect(await rowsOf(sql)).toBe(lines(rows));
      });
    }
  });

  type Case = ReturnType<typeof readCase>;

  async function answerTo({ query, rest, headers }: Case): Promise<string> {
    const reply = await server.inject({
      method: "POST",
      url: "/v1/graphql",
      headers: { "content-type": "application/json", "x-hasura-admin-secret": ADMIN_SECRET, ...headers },
      payload: printJson(new Map<string, Json>([["query", query], ...rest])),
    });
    return reply.body;
  }

  function statementsOf({ query, rest, headers }: Case): string {
    const { requests } = engine.parseRequestBody(printJson(new Map<string, Json>([["query", query], ...rest])));
    const session = {
      role: role(headers),
      variables: new Map(),
      backendOnly: false,
      admin: role(headers) === "admin",
      expiresAt: undefined,
    };
    const printed = requests.map((request) =>
      printStatements(engine.plan(request, session).operation, compileOptions(session, settings)),
    );
    return layOutStatements(printed.join("\n"));
  }

  async function rowsOf(sql: string): Promise<string> {
    const { rows } = await database.pool.query(`select coalesce(json_agg(r), '[]')::text as rows from (${sql}) r`);
    return lines(parseJson(z.array(z.object({ rows: z.string() })).parse(rows)[0]?.rows ?? "null"));
  }
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function role(headers: Readonly<Record<string, string>>): string {
  return headers["x-hasura-role"] ?? "admin";
}

/**
 * An answer with the keys of its data in their order, and what counts of its errors: message, path and code. Whole
 * numbers keep every digit, others are doubles.
 */
function comparable(answer: Json): Json {
  if (isJsonList(answer)) return answer.map(comparable);
  if (isJsonNumber(answer)) return /^-?\d+$/.test(answer.number) ? answer : { number: String(Number(answer.number)) };
  if (!isJsonObject(answer)) return answer;
  const errors = answer.get("errors");
  if (errors === undefined || !isJsonList(errors))
    return new Map([...answer].map(([key, value]) => [key, comparable(value)]));
  return errors.map((error) => {
    const at = isJsonObject(error) ? error.get("extensions") : undefined;
    const extensions = isJsonObject(at) ? at : new Map<string, Json>();
    return toJson([isJsonObject(error) ? error.get("message") : error, extensions.get("path"), extensions.get("code")]);
  });
}

/** One value a line, so that a difference is shown where it is. */
function lines(value: Json): string {
  return printJson(value).replaceAll(/(?<=[{[,])/g, "\n");
}

test("there are cases", () => {
  expect(foldersIn(import.meta.dirname)).not.toEqual([]);
});
