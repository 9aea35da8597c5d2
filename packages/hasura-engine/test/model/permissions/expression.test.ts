import { afterAll, beforeAll, expect, test } from "vitest";
import { InconsistencyError } from "../../../src/model/inconsistency.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileExpression } from "../../../src/model/permissions/compile-expression.ts";
import type { Expression, Operand } from "../../../src/model/permissions/expression.ts";
import { scopeOf } from "../../../src/model/permissions/scope.ts";
import { createTestDatabase, type TestDatabase } from "../../test-database.ts";
import { buildFrom } from "../build.ts";

let database: TestDatabase;
let model: Model;

beforeAll(async () => {
  database = await createTestDatabase(`
    create extension citext;
    create domain short as text;
    create table colors (value text primary key);
    insert into colors values ('red');
    create table owners (id uuid primary key, name text not null, mail citext, admin boolean);
    create table things (
      id int primary key, owner_id uuid references owners, other_id uuid, title text not null, note text, tags text[],
      data jsonb, raw json, color text references colors, price int, cost int, label short
    );
  `);
  model = await buildFrom(database.pool, [
    { table: "colors", is_enum: true },
    {
      table: "owners",
      array_relationships: [
        { name: "things", using: { foreign_key_constraint_on: { table: "things", column: "owner_id" } } },
      ],
    },
    { table: "things", object_relationships: [{ name: "owner", using: { foreign_key_constraint_on: "owner_id" } }] },
  ]);
});
afterAll(() => database.drop());

function compile(json: unknown): Expression {
  const things = model.tables.get("public.things");
  if (things === undefined) throw new Error("things is missing");
  return compileExpression(json, scopeOf(things, model.tables));
}

function operandText(operand: Operand): string {
  switch (operand.from) {
    case "constant":
      return operand.text === null ? "null" : `'${operand.text}'::${operand.type.name}`;
    case "session":
      return `${operand.name}::${operand.type.name}`;
    case "column":
      return `${"^".repeat(operand.rowsOut)}${operand.column.name}`;
    case "variable":
      return `$${operand.name}`;
    default:
      return operand satisfies never;
  }
}

/** A short text of the tree, so that a person can read what was compiled. */
function show(expression: Expression): string {
  switch (expression.kind) {
    case "and":
    case "or":
      return `${expression.kind}(${expression.items.map(show).join(", ")})`;
    case "not":
      return `not(${show(expression.item)})`;
    case "compare": {
      const left =
        expression.castTo === undefined
          ? expression.column.name
          : `${expression.column.name}::${expression.castTo.name}`;
      return `${left} ${expression.operator}${expression.nullSafe ? "~" : ""} ${operandText(expression.operand)}`;
    }
    case "is-null":
      return `${expression.column.name} is-null ${operandText(expression.operand)}`;
    case "related":
      return `${expression.relationship.name}(${show(expression.where)})`;
    case "exists":
      return `exists ${expression.table.name}(${show(expression.where)})`;
    case "aggregate-condition":
      return "aggregate";
    default:
      return expression satisfies never;
  }
}

test.each([
  [{}, "and()"],
  [{ _and: [] }, "and()"],
  [{ _or: [] }, "or()"],
  [{ $or: [{ id: 1 }, { $not: { id: 2 } }] }, "or(id eq '1'::int4, not(id eq '2'::int4))"],
  [{ id: 1, title: "x" }, "and(id eq '1'::int4, title eq 'x'::text)"],
  [{ id: {} }, "and()"],
  [{ id: { _gt: 1, $lte: 5 } }, "and(id gt '1'::int4, id lte '5'::int4)"],
  [{ id: { _ne: 1 } }, "id neq '1'::int4"],
  [{ id: { $neq: 1 } }, "id neq '1'::int4"],
  [{ note: { _eq: "x" } }, "note eq~ 'x'::text"],
  [{ note: { _neq: "x" } }, "note neq~ 'x'::text"],
  [{ note: null }, "note eq~ null"],
  [{ owner_id: "X-HASURA-User-Id" }, "owner_id eq~ x-hasura-user-id::uuid"],
  [{ id: { _in: [1, 2] } }, 'id in \'{"1","2"}\'::_int4'],
  [{ id: { $in: "x-hasura-ids" } }, "id in x-hasura-ids::_int4"],
  [{ title: { _nin: ['a"b', "c\\d"] } }, 'title nin \'{"a\\"b","c\\\\d"}\'::_text'],
  [{ title: { _in: ["a", "X-Hasura-B"] } }, "or(title eq 'a'::text, title eq x-hasura-b::text)"],
  [{ title: { _iregex: "X-Hasura-R" } }, "title iregex x-hasura-r::text"],
  [{ label: { _like: "a%" } }, "label like 'a%'::short"],
  [{ note: { _is_null: true } }, "note is-null 'true'::bool"],
  [{ data: { _contains: { a: [1] } } }, "data contains '{\"a\":[1]}'::jsonb"],
  [{ data: { _has_key: "X-Hasura-K" } }, "data has_key x-hasura-k::text"],
  [{ data: { $has_keys_any: ["a", "b"] } }, 'data has_keys_any \'{"a","b"}\'::_text'],
  [{ data: { _has_keys_all: "X-Hasura-Keys" } }, "data has_keys_all x-hasura-keys::_text"],
  [{ data: { _cast: { String: { _like: "%x%" } } } }, "data::text like '%x%'::text"],
  [{ tags: { _contained_in: ["a"] } }, "tags contained_in '{\"a\"}'::_text"],
  [{ price: { _cgt: "cost" } }, "price gt cost"],
  [{ price: { $cneq: ["cost"] } }, "price neq cost"],
  [{ owner: { name: "x" } }, "owner(name eq 'x'::text)"],
  [{ owner: { things: { id: { _ceq: ["$", "id"] } } } }, "owner(things(id eq ^^id))"],
  [
    { _exists: { _table: "owners", _where: { id: { _ceq: ["$", "owner_id"] }, admin: true } } },
    "exists owners(and(id eq ^owner_id, admin eq~ 'true'::bool))",
  ],
  [{ price: { _clt: ["$", "cost"] } }, "price lt cost"],
  [
    {
      owner: {
        _exists: { _table: "colors", _where: { _exists: { _table: "things", _where: { id: { _ceq: ["$", "id"] } } } } },
      },
    },
    "owner(exists colors(exists things(id eq ^^^id)))",
  ],
  [{ $exists: { $table: { schema: "public", name: "owners" }, $where: {} } }, "exists owners(and())"],
  [{ color: { _in: ["red"] } }, "color in '{\"red\"}'::_text"],
])("%j means %s", (json, expected) => {
  expect(show(compile(json))).toBe(expected);
});

test.each([
  [{ nothing: 1 }, 'not-exists: "nothing" does not exist in table "things"'],
  [{ id: { _almost: 1 } }, "unexpected-payload: unknown operator: _almost"],
  [{ id: { eq: 1 } }, "unexpected-payload: unknown operator: eq"],
  [{ raw: { _eq: {} } }, 'unexpected-payload: JSON column "raw" can not be part of boolean expression'],
  [{ id: { _like: "x" } }, 'unexpected-payload: operator _like is not applicable to column "id" of type "int4"'],
  [
    { title: { _has_key: "x" } },
    'unexpected-payload: operator _has_key is not applicable to column "title" of type "text"',
  ],
  [{ color: { _gt: "red" } }, 'unexpected-payload: operator _gt is not applicable to column "color" of type "text"'],
  [{ id: null }, 'parse-failed: the operand of _eq on column "id" must not be null'],
  [{ note: { _gt: null } }, 'parse-failed: the operand of _gt on column "note" must not be null'],
  [{ note: { _is_null: "yes" } }, "parse-failed: the operand of _is_null must be a boolean"],
  [
    { id: { _ceq: "title" } },
    'unexpected-payload: incompatible column types: column "id" has type "int4", but column "title" has type "text"',
  ],
  [{ id: { _ceq: "nothing" } }, 'not-exists: column "nothing" does not exist in table "things"'],
  [{ _exists: { _table: "nobody", _where: {} } }, 'not-exists: table "nobody" is not tracked'],
  [{ _exists: { _table: "owners" } }, "parse-failed: _exists takes exactly _table and _where"],
  [{ _exists: { _table: "owners", _where: {}, _limit: 1 } }, "parse-failed: _exists takes exactly _table and _where"],
  [{ _and: {} }, "parse-failed: expected a list for _and"],
  [{ owner: 1 }, "parse-failed: expected an object in a boolean expression, but found 1"],
])("%j is refused", (json, expected) => {
  const fault = catchFault(() => compile(json));

  expect(fault).toBe(expected);
});

function catchFault(work: () => unknown): string {
  try {
    work();
    return "accepted";
  } catch (error) {
    if (error instanceof InconsistencyError) return `${error.code}: ${error.message}`;
    throw error;
  }
}
