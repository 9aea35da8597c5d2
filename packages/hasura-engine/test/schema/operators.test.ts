import { isInputObjectType, isObjectType } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InconsistencyError } from "../../src/model/inconsistency.ts";
import type { Model, Table } from "../../src/model/model.ts";
import { compileExpression } from "../../src/model/permissions/compile-expression.ts";
import { scopeOf } from "../../src/model/permissions/scope.ts";
import { createRoleSchemas, type RoleSchema } from "../../src/schema/role-schema.ts";
import { buildFrom } from "../model/build.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let model: Model;
let schema: RoleSchema;

beforeAll(async () => {
  database = await createTestDatabase(`
    create extension citext;
    create extension ltree;
    create type mood as enum ('good', 'bad');
    create domain short as text;
    create domain words as text[];
    create type pair as (a int, b text);
    create type pair_of_json as (a int, b json[]);
    create table colors (value text primary key);
    insert into colors values ('red');
    create table things (
      id int primary key, t text, v varchar, b bpchar, c citext, n name, k "char", m mood, s short, w words, ts text[],
      data jsonb, flag boolean, u uuid, path ltree, js json[], raw json, pt point, bx box, p pair, pj pair_of_json,
      color text references colors
    );
  `);
  model = await buildFrom(database.pool, [{ table: "colors", is_enum: true }, { table: "things" }]);
  schema = createRoleSchemas(model).get("admin", false);
});
afterAll(() => database.drop());

const PLAIN = ["_eq", "_neq", "_in", "_nin"];
const COMPARED = ["_gt", "_lt", "_gte", "_lte"];
const ORDERED = [...PLAIN, ...COMPARED];
const TEXT = [
  "_like",
  "_nlike",
  "_ilike",
  "_nilike",
  "_similar",
  "_nsimilar",
  "_regex",
  "_nregex",
  "_iregex",
  "_niregex",
];
const OF_ARRAYS = ["_eq", "_neq", ...COMPARED];
const CONTAINS = ["_contains", "_contained_in"];
const KEYS = ["_has_key", "_has_keys_any", "_has_keys_all"];
const ALL = [...ORDERED, ...TEXT, ...CONTAINS, ...KEYS];

const offered: readonly (readonly [column: string, operators: readonly string[]])[] = [
  ["id", ORDERED],
  ["flag", ORDERED],
  ["m", ORDERED],
  ["n", ORDERED],
  ["k", ORDERED],
  ["t", [...ORDERED, ...TEXT]],
  ["v", [...ORDERED, ...TEXT]],
  ["b", [...ORDERED, ...TEXT]],
  ["c", [...ORDERED, ...TEXT]],
  ["s", [...ORDERED, ...TEXT]],
  ["w", [...OF_ARRAYS, ...CONTAINS]],
  ["ts", [...OF_ARRAYS, ...CONTAINS]],
  ["data", [...ORDERED, ...CONTAINS, ...KEYS]],
  ["color", PLAIN],
  ["p", ORDERED],
  // PostgreSQL has no others for these.
  ["raw", []],
  ["js", []],
  ["pj", []],
  ["pt", ["_neq", "_nin"]],
  ["bx", ["_eq", "_in", ...COMPARED]],
];

test.each(offered)(
  "a client's condition on column %s offers its type's operators and no others",
  (column, operators) => {
    const type = schema.graphql().getType("things_bool_exp");
    const comparison = isInputObjectType(type) ? type.getFields()[column]?.type : undefined;
    const fields = isInputObjectType(comparison) ? Object.keys(comparison.getFields()) : [];

    expect(fields.filter((name) => ALL.includes(name)).toSorted()).toEqual(operators.toSorted());
  },
);

test("max and min are offered for what Hasura and PostgreSQL can order: no name, no ltree, no array of json", async () => {
  const { rows } = await database.pool.query(
    "select from pg_proc where proname = 'max' and proargtypes[0] = 'uuid'::regtype",
  );
  const type = schema.graphql().getType("things_max_fields");
  const fields = isObjectType(type) ? Object.keys(type.getFields()) : [];

  expect(fields).toEqual(["b", "c", "id", "k", "m", "s", "t", "ts", ...(rows.length > 0 ? ["u"] : []), "v"]);
});

test.each(offered)("a permission's condition on column %s takes the same operators", (column, operators) => {
  const taken = ALL.filter((operator) => compiles(column, operator));

  expect(taken.toSorted()).toEqual(operators.toSorted());
});

function compiles(column: string, operator: string): boolean {
  try {
    compileExpression({ [column]: { [operator]: "red" } }, scopeOf(things(), model.tables));
    return true;
  } catch (error) {
    if (error instanceof InconsistencyError) return false;
    throw error;
  }
}

function things(): Table {
  const table = model.tables.get("public.things");
  if (table === undefined) throw new Error("things is missing");
  return table;
}
