import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Hostile, refusalOf, startHostile } from "./world.ts";

let hostile: Hostile;

beforeAll(async () => {
  hostile = await startHostile();
});
afterEach(async () => {
  expect(await hostile.serves()).toBe(true);
});
afterAll(() => hostile.close());

const MEBIBYTE = 1024 * 1024;
const repeated = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const nested = (levels: number, wrap: (inner: unknown) => unknown, innermost: unknown): unknown => {
  let value = innermost;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
};
const byName = "query ($v: String) { authors(where: {name: {_eq: $v}}) { id } }";
const byFacts = "query ($v: jsonb) { articles(where: {facts: {_contains: $v}}) { id } }";
const byId = "query ($v: [Int!]) { authors(where: {id: {_in: $v}}) { id } }";
const byWhere = "query ($v: authors_bool_exp) { authors(where: $v, order_by: {id: asc}) { id } }";
const insert = "mutation ($v: [authors_insert_input!]!) { insert_authors(objects: $v) { affected_rows } }";

async function authors(): Promise<number> {
  const { rows } = await hostile.database.pool.query("select count(*)::int as n from authors");
  return rows[0].n;
}

describe("large values", () => {
  test.each([
    ["a text of 3 MiB", byName, "x".repeat(3 * MEBIBYTE), { authors: [] }],
    ["a text of a million escapes", byName, '\n\\"'.repeat(350_000), { authors: [] }],
    ["a JSON text of 3 MiB", byFacts, { a: "x".repeat(3 * MEBIBYTE) }, { articles: [] }],
    ["JSON 900 levels deep", byFacts, nested(900, (inner) => [inner], 1), { articles: [] }],
    ["a list of 400,000 integers", byId, repeated(400_000, 1), { authors: [{ id: 1 }] }],
    ["an _or of 30,000 conditions", byWhere, { _or: repeated(30_000, { id: { _eq: 2 } }) }, { authors: [{ id: 2 }] }],
    [
      "60 conditions inside each other",
      byWhere,
      nested(60, (inner) => ({ _and: [inner] }), { id: { _eq: 2 } }),
      { authors: [{ id: 2 }] },
    ],
    ["120 negations", byWhere, nested(120, (inner) => ({ _not: inner }), { id: { _eq: 2 } }), { authors: [{ id: 2 }] }],
  ])("%s", async (_name, query, v, data) => {
    const answer = await hostile.ask({ query, variables: { v } });

    expect(answer.data).toEqual(data);
  });

  test("a jsonb document of 1 MiB is written and read back", async () => {
    const text = "ü\u0001\n".repeat(MEBIBYTE / 4);
    const set = "mutation ($v: jsonb) { update_articles_by_pk(pk_columns: {id: 1}, _set: {facts: $v}) { facts } }";

    const answer = await hostile.ask({ query: set, variables: { v: { text } } });

    expect(answer.data).toEqual({ update_articles_by_pk: { facts: { text } } });
  });

  test("20,000 rows are inserted by one statement", async () => {
    const before = await authors();

    const answer = await hostile.ask({
      query: insert,
      variables: { v: Array.from({ length: 20_000 }, (_, index) => ({ id: 1_000 + index, name: `n${index}` })) },
    });

    expect(answer.data).toEqual({ insert_authors: { affected_rows: 20_000 } });
    expect(await authors()).toBe(before + 20_000);
    await hostile.database.pool.query("delete from authors where id >= 1000");
  });

  test.each([
    [
      "a list of a million empty objects",
      insert,
      repeated(1_000_000, {}),
      "a body holds at most 250000 lists and objects",
    ],
    ["200,000 empty objects", insert, repeated(240_000, {}), "the request holds more than 200000 input values"],
    [
      "more values than a statement takes",
      insert,
      Array.from({ length: 40_000 }, (_, id) => ({ id: id + 9_000, name: `n${id}` })),
      "a statement takes at most 65535 values",
    ],
    [
      "an _or of 100,000 conditions",
      byWhere,
      { _or: repeated(100_000, { id: { _eq: 2 } }) },
      "the request holds more than 200000 input values",
    ],
    [
      "1,000 conditions inside each other",
      byWhere,
      nested(900, (inner) => ({ _not: inner }), {}),
      "input values are nested deeper than 128 levels",
    ],
    [
      "400 relationships inside each other",
      byWhere,
      nested(200, (inner) => ({ articles: { author: inner } }), {}),
      "input values are nested deeper than 128 levels",
    ],
  ])("%s are too much, and nothing is written", async (_name, query, v, message) => {
    const before = await authors();

    const refusal = refusalOf(await hostile.ask({ query, variables: { v } }));

    expect(refusal).toMatchObject({ message, code: "bad-request" });
    expect(await authors()).toBe(before);
  });

  test.each([
    ["texts", "query ($v: String) { authors(where: {_or: [PLACES]}) { id } }", "{name: {_eq: $v}}"],
    ["parts of a JSON literal", "query ($v: jsonb) { articles(where: {facts: {_contains: [PLACES]}}) { id } }", "$v"],
  ])("a variable of 3 MiB used in 9,000 %s is too much", async (_name, document, place) => {
    const query = document.replace("PLACES", repeated(9_000, place).join(" "));

    const refusal = refusalOf(await hostile.ask({ query, variables: { v: "x".repeat(3 * MEBIBYTE) } }));

    expect(refusal).toMatchObject({
      message: "the values of all uses of variables are larger than 16777216",
      code: "bad-request",
    });
  });

  test("a plan made for small values is not run with huge ones", async () => {
    const query = `query ($v: String) { authors(where: {_or: [${repeated(300, "{name: {_eq: $v}}").join(" ")}]}) { id } }`;
    await hostile.ask({ query, variables: { v: "author 1" } });

    const refusal = refusalOf(await hostile.ask({ query, variables: { v: "x".repeat(MEBIBYTE) } }));

    expect(refusal).toMatchObject({
      message: "the values of a statement are larger than 33554432",
      code: "bad-request",
    });
  });
});

describe("characters PostgreSQL cannot store", () => {
  const nul = { message: 'invalid byte sequence for encoding "UTF8": 0x00', code: "data-exception", path: "$" };

  test.each([
    ["a text", byName, "a\0b", nul],
    ["a list of texts", "query ($v: [String!]) { authors(where: {name: {_in: $v}}) { id } }", ["a\0b"], nul],
    ["a JSON path", "query ($v: String) { articles { facts(path: $v) } }", "['a\0b']", nul],
    [
      "a jsonb value",
      byFacts,
      "a\0b",
      { message: "unsupported Unicode escape sequence", code: "data-exception", path: "$" },
    ],
    [
      "a jsonb value with half a character",
      byFacts,
      "\ud800",
      { message: "invalid input syntax for type json", code: "data-exception", path: "$" },
    ],
    ["a uuid", "query ($v: uuid) { articles(where: {token: {_eq: $v}}) { id } }", "\0", nul],
  ])("a NUL in %s", async (_name, query, v, expected) => {
    expect(refusalOf(await hostile.ask({ query, variables: { v } }))).toEqual(expected);
  });

  test("half a character in a text is written as the replacement character", async () => {
    const set = "mutation ($v: String) { update_authors_by_pk(pk_columns: {id: 3}, _set: {name: $v}) { name } }";

    const answer = await hostile.ask({ query: set, variables: { v: "a\ud800b" } });

    expect(answer.data).toEqual({ update_authors_by_pk: { name: "a\ufffdb" } });
  });
});

describe("numbers beyond their type", () => {
  const outside =
    /^The value .+ lies outside the bounds or is not an integer\. Maybe it is a float, or is there integer overflow\?$/;

  test.each([
    ["Int", "authors", "id", "2147483648", "parse-failed", outside],
    ["Int", "authors", "id", "-2147483649", "parse-failed", outside],
    ["Int", "authors", "id", "1.5", "parse-failed", outside],
    ["Int", "authors", "id", "1e400", "parse-failed", outside],
    ["smallint", "articles", "small", "32768", "parse-failed", outside],
    ["bigint", "articles", "id", "9223372036854775808", "parse-failed", outside],
    ["bigint", "articles", "id", "9".repeat(200_000), "parse-failed", outside],
    ["bigint", "articles", "id", "1e-1", "parse-failed", outside],
    ["numeric", "articles", "price", "9".repeat(200_000), "data-exception", /overflows numeric format/],
    ["numeric", "articles", "price", "1e999999999", "data-exception", /overflows numeric format/],
    ["float8", "articles", "rating", "1e400", "data-exception", /out of range/],
  ])("%s: %# in a variable and in a literal", async (type, table, column, number, code, message) => {
    const query = `query ($v: ${type}) { ${table}(where: {${column}: {_eq: $v}}) { id } }`;

    const variable = refusalOf(await hostile.ask(`{"query": ${JSON.stringify(query)}, "variables": {"v": ${number}}}`));
    const literal = refusalOf(
      await hostile.ask({ query: `{ ${table}(where: {${column}: {_eq: ${number}}}) { id } }` }),
    );

    for (const refusal of [variable, literal]) {
      expect(refusal.code).toBe(code);
      expect(refusal.message).toMatch(message);
      expect(refusal.message.length).toBeLessThan(300);
    }
  });

  test.each([
    ["bigint", "id", "9223372036854775807"],
    ["bigint", "id", "-9223372036854775808"],
    ["numeric", "price", "12345678901234567890123456789.012345678901234567890"],
  ])("every digit of the %s %s stays", async (type, column, number) => {
    const object = column === "id" ? "{id: $v, author_id: 1}" : "{id: 77, author_id: 1, price: $v}";
    const query = `mutation ($v: ${type}) { insert_articles_one(object: ${object}) { ${column} } }`;

    const { text } = await hostile.ask(`{"query": ${JSON.stringify(query)}, "variables": {"v": ${number}}}`);
    const { rows } = await hostile.database.pool.query(
      "delete from articles where id not between 1 and 12 returning id::text, price::text",
    );

    expect(text.replaceAll(" ", "")).toContain(`"${column}":${number}}`);
    expect(rows[0][column]).toBe(number);
  });

  test.each([
    ["limit", "-1"],
    ["limit", "1.5"],
    ["offset", '"9223372036854775808"'],
  ])("%s: %# is refused by name", async (argument, number) => {
    const refusal = refusalOf(await hostile.ask({ query: `{ authors(${argument}: ${number}) { id } }` }));

    expect(refusal).toMatchObject({ code: "validation-failed", path: `$.selectionSet.authors.args.${argument}` });
    expect(refusal.message).toMatch(/^expected .+ for type 'Int', but found (an integer|a float|a string)$/);
  });

  test.each([
    ["limit", "2147483648"],
    ["limit", "9".repeat(100_000)],
    ["offset", "9223372036854775808"],
  ])("%s: %# is out of bounds", async (argument, number) => {
    const refusal = refusalOf(await hostile.ask({ query: `{ authors(${argument}: ${number}) { id } }` }));

    expect(refusal).toMatchObject({ code: "parse-failed", path: `$.selectionSet.authors.args.${argument}` });
    expect(refusal.message).toMatch(/^The value .{1,101} lies outside the bounds or is not an integer\. /);
  });
});

test("a search pattern that PostgreSQL refuses is the client's fault", async () => {
  const refusal = refusalOf(await hostile.ask({ query: '{ authors(where: {name: {_regex: "("}}) { id } }' }));

  expect(refusal).toEqual({
    message: "invalid regular expression: parentheses () not balanced",
    code: "data-exception",
    path: "$",
  });
});
