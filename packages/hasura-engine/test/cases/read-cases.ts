import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { isJsonObject, type Json, parseJson } from "../../src/json/exact-json.ts";

/**
 * An area is a folder of cases over one database:
 * - `setup.sql`: its tables, made once; `rows.sql`: their rows, put there before the first case and again before every
 *   mutation, so it begins by truncating;
 * - `metadata.json`: `tables` as in a metadata directory, beside them other keys of the metadata object (optional);
 * - `env.json`: settings of the engine (optional).
 */
export function readArea(folder: string) {
  return {
    folder,
    setupSql: textOf(folder, "setup.sql") ?? "",
    rowsSql: textOf(folder, "rows.sql") ?? "",
    metadata: z
      .looseObject({ tables: z.array(z.record(z.string(), z.unknown())) })
      .parse(JSON.parse(textOf(folder, "metadata.json") ?? "")),
    env: z.record(z.string(), z.string()).parse(JSON.parse(textOf(folder, "env.json") ?? "{}")),
  };
}

/**
 * A case is a folder:
 * - `request.graphql`, and `request.json` with the other keys of the body: `variables`, `operationName` (optional);
 * - `session.json`: the request's headers beside the admin secret, as `{"x-hasura-role": "user"}`;
 * - `expected.json`: the whole answer; `extensions.internal` of errors does not count;
 * - `expected.sql`: the statements, as `hasura-engine sql` prints them, laid out (optional); an empty one is filled, and
 *   one that differs is replaced, by a test run with `-u`;
 * - `after.json`: `[{"sql": "select …", "rows": […]}]`, what is in the database afterwards (optional).
 */
export function readCase(folder: string) {
  const rest = parseJson(textOf(folder, "request.json") ?? "{}");
  const after = parseJson(textOf(folder, "after.json") ?? "[]");
  return {
    query: needed(folder, "request.graphql"),
    rest: isJsonObject(rest) ? rest : new Map<string, Json>(),
    headers: z.record(z.string(), z.string()).parse(JSON.parse(needed(folder, "session.json"))),
    expected: parseJson(needed(folder, "expected.json")),
    sqlFile: existsSync(resolve(folder, "expected.sql")) ? resolve(folder, "expected.sql") : undefined,
    after: Array.isArray(after) ? after.map(afterOf) : [],
  };
}

function afterOf(item: Json): { sql: string; rows: Json } {
  const sql = isJsonObject(item) ? item.get("sql") : undefined;
  const rows = isJsonObject(item) ? item.get("rows") : undefined;
  if (typeof sql !== "string" || rows === undefined) throw new Error("after.json holds objects of sql and rows");
  return { sql, rows };
}

function needed(folder: string, name: string): string {
  const text = textOf(folder, name);
  if (text === undefined) throw new Error(`${folder} has no ${name}`);
  return text;
}

function textOf(folder: string, name: string): string | undefined {
  const path = resolve(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
