import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Hostile, refusalOf, startHostile } from "./world.ts";

// What a document says once and uses thousands of times: fragments, variables and their defaults.

let hostile: Hostile;

beforeAll(async () => {
  hostile = await startHostile();
});
afterEach(async () => {
  expect(await hostile.serves()).toBe(true);
});
afterAll(() => hostile.close());

const MEBIBYTE = 1024 * 1024;
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");
const ones = (count: number): string => times(count, () => "1");
const spread = (fragment: string, count: number): string =>
  `{ ${times(count, (index) => `a${index}: authors(limit: 1) { ...f }`)} } fragment f on authors { ${fragment} }`;

test.each([
  ["a list of 40,000 numbers", spread(`articles(where: {facts: {_contains: [${ones(40_000)}]}}) { id }`, 4_000)],
  ["a text of 3 MiB", spread(`articles(where: {title: {_eq: "${"x".repeat(3 * MEBIBYTE)}"}}) { id }`, 4_000)],
  [
    "a default value",
    `query ($v: jsonb = [${ones(40_000)}]) { ${times(2_000, (index) => `a${index}: articles(where: {facts: {_contains: $v}}) { id }`)} }`,
  ],
])("%s in thousands of places is too much", async (_what, query) => {
  const refusal = refusalOf(await hostile.ask({ query }));

  expect(refusal).toMatchObject({ message: "the values of a document are larger than 16777216", code: "bad-request" });
});

test.each([
  [
    "one fragment",
    `{ ${times(5_000, (index) => `a${index}: __schema { ...f }`)} } fragment f on __Schema { ${times(30_000, () => "__typename")} }`,
  ],
  ["no fragment", `query ($v: String!) { ${times(7_000, (index) => `a${index}: __type(name: $v) { name }`)} }`],
])("thousands of introspections with %s and a variable of 3 MiB are bounded", async (_what, query) => {
  const declared = query.startsWith("query") ? query : `query ($v: String) ${query}`;

  const refusal = refusalOf(await hostile.ask({ query: declared, variables: { v: "x".repeat(3 * MEBIBYTE) } }));

  expect(refusal.code).toBe("bad-request");
});

test("thousands of introspections beside a variable of 3 MiB that they do not use are answered", async () => {
  const query = `query ($v: String) { ${times(7_000, (index) => `a${index}: __schema { __typename }`)} }`;

  const answer = await hostile.ask({ query, variables: { v: "x".repeat(3 * MEBIBYTE) } });

  expect(Object.keys(Object(answer.data))).toHaveLength(7_000);
});

test("a document may be one comment after the other", async () => {
  const answer = await hostile.ask({ query: `${"#\n".repeat(1_300_000)} { authors(where: {id: {_eq: 1}}) { id } }` });

  expect(answer.data).toEqual({ authors: [{ id: 1 }] });
});

test.each([
  ["a known directive", "{ authors { id @include(if: true) @include(if: true) } }", "used more than once"],
  [
    "10,000 directives of one field",
    `{ authors { id ${times(10_000, () => "@skip(if: false)")} } }`,
    "used more than once",
  ],
  [
    "10,000 unknown directives",
    `{ authors { id ${times(10_000, (index) => `@d${index}`)} } }`,
    "directive 'd0' is not defined",
  ],
  [
    "10,000 unknown directives of the operation",
    `query ${times(10_000, (index) => `@d${index}`)} { authors { id } }`,
    "directive 'd0' is not defined",
  ],
  [
    "10,000 definitions of one variable",
    `query (${times(10_000, () => "$a: Int")}) { authors { id } }`,
    "multiple definitions for variable",
  ],
  [
    "10,000 definitions of one fragment",
    `{ authors { ...f } } ${times(5_000, () => "fragment f on authors { id }")}`,
    "multiple definitions for fragment",
  ],
  ["10,000 operations", times(10_000, () => "{ authors { id } }"), "exactly one operation has to be present"],
])("%s: refused", async (_what, query, message) => {
  const refusal = refusalOf(await hostile.ask({ query }));

  expect(refusal).toMatchObject({ message: expect.stringContaining(message), code: "validation-failed" });
});

test("10,000 variables nobody uses, and 10,000 surplus values", async () => {
  const query = `query (${times(10_000, (index) => `$v${index}: Int`)}) { authors(where: {id: {_eq: 1}}) { id } }`;
  const surplus = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`s${index}`, index]));

  const unused = await hostile.ask({ query });
  const refusal = refusalOf(await hostile.ask({ query: "{ authors { id } }", variables: surplus }));

  expect(unused.data).toEqual({ authors: [{ id: 1 }] });
  expect(refusal.code).toBe("validation-failed");
});

test("variables with names of JavaScript's own objects are variables like others", async () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    const query = `query ($${name}: Int) { authors(limit: $${name}, order_by: {id: asc}) { id } }`;

    const absent = await hostile.ask({ query });
    const given = await hostile.ask(`{"query": ${JSON.stringify(query)}, "variables": {"${name}": 1}}`);

    expect([absent.data, given.data]).toEqual([
      { authors: [{ id: 1 }, { id: 2 }, { id: 3 }] },
      { authors: [{ id: 1 }] },
    ]);
  }
});
