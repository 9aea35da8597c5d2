import { isEnumType, isInputObjectType, isObjectType } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine.ts";
import { HasuraError } from "../../src/hasura-error.ts";
import { AGGREGATES } from "../../src/schema/aggregates.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { metadataOf } from "../events/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

/** Columns by name: their type and the text of a value. */
const COLUMNS: Readonly<Record<string, readonly [type: string, text: string]>> = {
  small: ["int2", "1"],
  whole: ["int4", "1"],
  large: ["int8", "1"],
  single: ["float4", "1.5"],
  double: ["float8", "1.5"],
  exact: ["numeric", "1.5"],
  price: ["money", "1.5"],
  flag: ["bool", "true"],
  words: ["text", "a"],
  short: ["varchar(9)", "a"],
  padded: ["char(3)", "a"],
  byte: ['"char"', "a"],
  named: ["name", "a"],
  folded: ["citext", "a"],
  path: ["ltree", "a.b"],
  token: ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
  day: ["date", "2020-01-31"],
  moment: ["timestamptz", "2020-01-31T00:00:00Z"],
  clock: ["timetz", "12:00:00+00"],
  pause: ["interval", "1 day"],
  address: ["inet", "127.0.0.1"],
  bits: ["bytea", "\\x00"],
  document: ["jsonb", '{"a": 1}'],
  raw: ["json", '{"a": 1}'],
  spot: ["point", "(1,2)"],
  area: ["box", "(1,2),(0,0)"],
  transaction: ["xid", "1"],
  span: ["int4range", "[1,2)"],
  mood: ["mood", "good"],
  pair: ["pair", "(1,a)"],
  pair_of_json: ["pair_of_json", "(1,{})"],
  positive: ["positive", "1"],
  list: ["text[]", "{a}"],
  tokens: ["uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"],
  raws: ["json[]", "{1}"],
  spots: ["point[]", '{"(1,2)"}'],
};

let database: TestDatabase;
let engine: Engine;

beforeAll(async () => {
  database = await createTestDatabase(`
    create extension citext;
    create extension ltree;
    create type mood as enum ('good', 'bad');
    create type pair as (a int, b text);
    create type pair_of_json as (a int, b json);
    create domain positive as int check (value > 0);
    create table kinds (${Object.entries(COLUMNS)
      .map(([name, [type]]) => `${name} ${type}`)
      .join(", ")});
    insert into kinds values (${Object.values(COLUMNS)
      .map(([, text]) => `'${text}'`)
      .join(", ")});
  `);
  const settings = settingsFromEnv({});
  engine = await createEngine({ metadata: metadataOf([{ table: "kinds" }]), databaseUrl: database.url, settings });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

/** The code of a refusal; undefined for data. */
async function ask(query: string, variables: object = {}): Promise<string | undefined> {
  const session = {
    role: "admin",
    variables: new Map([["x-hasura-role", "admin"]]),
    backendOnly: false,
    admin: true,
    expiresAt: undefined,
  };
  const [request] = engine.parseRequestBody(JSON.stringify({ query, variables })).requests;
  if (request === undefined) throw new Error("no request was read");
  try {
    await engine.execute(request, { session, clientHeaders: new Map(), requestId: "r" });
    return undefined;
  } catch (error) {
    if (error instanceof HasuraError) return error.code;
    throw error;
  }
}

function fieldsOf(type: string): readonly string[] {
  const found = engine.state().roleSchemas.get("admin", false).graphql().getType(type);
  if (isEnumType(found)) return found.getValues().map(({ name }) => name);
  return isObjectType(found) || isInputObjectType(found) ? Object.keys(found.getFields()) : [];
}

function operators(column: string): readonly (readonly [name: string, type: string])[] {
  const conditions = engine.state().roleSchemas.get("admin", false).graphql().getType("kinds_bool_exp");
  const comparison = isInputObjectType(conditions) ? conditions.getFields()[column]?.type : undefined;
  if (!isInputObjectType(comparison)) throw new Error(`${column} has no conditions`);
  return Object.values(comparison.getFields())
    .filter(({ name }) => name !== "_is_null" && name !== "_cast")
    .map(({ name, type }) => [name, String(type)]);
}

/** A value of the column, as a variable brings it. */
function givenValue(column: string): unknown {
  const [type = "", text = ""] = COLUMNS[column] ?? [];
  if (type.endsWith("[]")) return [text.replaceAll(/^\{"?|"?\}$/g, "")];
  if (/^(int4|float4|bool|json|jsonb)$/.test(type)) return JSON.parse(text);
  return text;
}

function operandOf(column: string, operator: string): unknown {
  switch (operator) {
    case "_in":
    case "_nin":
      return [givenValue(column)];
    case "_has_key":
      return "a";
    case "_has_keys_any":
    case "_has_keys_all":
      return ["a"];
    default:
      return givenValue(column);
  }
}

test.each(Object.keys(COLUMNS))("PostgreSQL does what is offered for column %s", async (column) => {
  const documents: [query: string, variables: object][] = [
    ...operators(column).map(([operator, type]): [string, object] => [
      `query($v: ${type}!) { kinds(where: {${column}: {${operator}: $v}}) { __typename } }`,
      { v: operandOf(column, operator) },
    ]),
    ...(fieldsOf("kinds_order_by").includes(column)
      ? [[`{ kinds(order_by: {${column}: asc}) { __typename } }`, {}] satisfies [string, object]]
      : []),
    ...AGGREGATES.filter((name) => fieldsOf(`kinds_${name}_fields`).includes(column)).map((name): [string, object] => [
      `{ kinds_aggregate { aggregate { ${name} { ${column} } } } }`,
      {},
    ]),
    [`{ kinds_aggregate { aggregate { count(columns: [${column}]) } } }`, {}],
  ];

  const refused: unknown[] = [];
  for (const [query, variables] of documents) {
    const code = await ask(query, variables);
    if (code !== undefined) refused.push({ query, code });
  }

  expect(refused).toEqual([]);
});

test("what cannot be distinct is refused before PostgreSQL is asked", async () => {
  const answers = new Map<string, string | undefined>();
  for (const column of fieldsOf("kinds_select_column")) {
    const listed = await ask(`{ kinds(distinct_on: [${column}]) { __typename } }`);
    const counted = await ask(`{ kinds_aggregate { aggregate { count(columns: [${column}], distinct: true) } } }`);
    expect([column, counted]).toEqual([column, listed]);
    answers.set(column, listed);
  }

  const refused = [...answers].filter(([, code]) => code !== undefined);
  expect(new Set(refused.map(([, code]) => code))).toEqual(new Set(["validation-failed"]));
  expect(refused.map(([column]) => column).sort()).toEqual(
    ["area", "pair_of_json", "raw", "raws", "spot", "spots", "transaction"].sort(),
  );
});
