import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Hostile, refusalOf, startHostile } from "./world.ts";

// The engine runs in a process whose heap is small: a document that makes it hold too much ends it, and the test.

let hostile: Hostile;

beforeAll(async () => {
  hostile = await startHostile();
});
afterEach(async () => {
  expect(await hostile.serves()).toBe(true);
});
afterAll(() => hostile.close());

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");
const deep = (levels: number): string => (levels <= 0 ? "id" : `articles(limit: 1) { author { ${deep(levels - 2)} } }`);
const doubling = (leaf: string): string =>
  `{ authors { ...f0 } } ${times(40, (index) => `fragment f${index} on authors { ...f${index + 1} ...f${index + 1} }`)} ${leaf}`;

describe("documents that do not parse", () => {
  test.each([
    ["nothing", ""],
    ["an open brace", "{ authors { id }"],
    ["a closing brace too many", "{ authors { id } } }"],
    ["half a million open strings", `{ a(b: "${'\\"'.repeat(500_000)}`],
    ["half a million quotes", `{ a(b: ${'"'.repeat(500_000)}`],
    ["an endless block string", `{ a(b: """${"x".repeat(500_000)}`],
    ["braces behind a tricky block string", `{ a(b: """\\"""""" ) ${"{".repeat(100)}`],
    ["a NUL character", "{ authors\0 { id } }"],
    ["a lone surrogate", "{ authors\ud800 { id } }"],
    ["binary noise", Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7919) % 256)).toString("latin1")],
    ["an empty selection", "{ authors { } }"],
    ["a type system definition with a typo", "typ Query { a: Int }"],
  ])("%s", async (_name, query) => {
    const refusal = refusalOf(await hostile.ask({ query }));

    expect(refusal).toEqual({ message: "not a valid graphql query", code: "validation-failed", path: "$.query" });
  });

  test("a document without an operation is refused", async () => {
    const refusal = refusalOf(await hostile.ask({ query: "fragment f on authors { id }" }));

    expect(refusal.message).toMatch(/^exactly one operation has to be present/);
  });
});

describe("bodies that are no request", () => {
  test.each([
    ["nothing", "", "invalid-json"],
    ["half of an object", '{"query": "{ authors', "invalid-json"],
    ["a number", "1", "parse-failed"],
    ["null", "null", "parse-failed"],
    ["a list of numbers", "[1, 2]", "parse-failed"],
    ["no query", "{}", "parse-failed"],
    ["a query that is an object", '{"query": {}}', "parse-failed"],
    ["variables that are a list", '{"query": "{ authors { id } }", "variables": []}', "parse-failed"],
    ["variables that are a text", '{"query": "{ authors { id } }", "variables": "x"}', "parse-failed"],
    ["an operation name that is a number", '{"query": "{ authors { id } }", "operationName": 1}', "parse-failed"],
    [
      "JSON 500,000 levels deep",
      `{"query": "{ authors { id } }", "variables": {"v": ${"[".repeat(500_000)}`,
      "invalid-json",
    ],
    [
      "a batch of 51",
      `[${times(51, () => '{"query": "{ authors { id } }"}').replaceAll("} {", "}, {")}]`,
      "bad-request",
    ],
    ["more than 4 MiB", JSON.stringify({ query: `# ${"x".repeat(5 << 20)}` }), "bad-request"],
    ["a million objects", `[${"{},".repeat(1_000_000)}{}]`, "bad-request"],
  ])("%s", async (_name, body, code) => {
    const { status, text } = await hostile.post(body);

    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(text.length).toBeLessThan(1_000);
  });

  test("bytes that are no UTF-8", async () => {
    const { status, text } = await hostile.post(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0xc0, 0x22]));

    expect([status, JSON.parse(text).errors[0].extensions.code]).toEqual([200, "invalid-json"]);
  });
});

describe("wide and deep documents", () => {
  test("10,000 fields of one row are answered", async () => {
    const answer = await hostile.ask({
      query: `{ authors(limit: 1) { ${times(10_000, (index) => `f${index}: name`)} } }`,
    });

    expect(answer.errors).toBeUndefined();
    expect(answer.text.match(/"f\d+"/g)).toHaveLength(10_000);
  });

  test("10,000 root fields are answered", async () => {
    const answer = await hostile.ask({ query: `{ ${times(10_000, (index) => `f${index}: __typename`)} }` });

    expect(Object.keys(Object(answer.data))).toHaveLength(10_000);
  });

  test.each([100, 1_000])("%i aliases of an aggregate are answered", async (count) => {
    const each = "articles_aggregate { aggregate { count sum { price } } }";

    const roots = await hostile.ask({ query: `{ ${times(count, (index) => `a${index}: ${each}`)} }` });
    const nested = await hostile.ask({
      query: `{ authors(limit: 1) { ${times(count, (index) => `a${index}: ${each}`)} } }`,
    });

    expect(roots.text.match(/"count" : 12\b/g)).toHaveLength(count);
    expect(nested.text.match(/"count" : 4\b/g)).toHaveLength(count);
  });

  test("depth 50 is answered", async () => {
    const answer = await hostile.ask({ query: `{ authors(limit: 1) { ${deep(48)} } }` });

    expect(answer.errors).toBeUndefined();
    expect(answer.text.match(/"author" :/g)).toHaveLength(24);
  });

  test.each([
    ["depth 80", `{ authors { ${deep(80)} } }`, "the document is nested deeper than 64 levels"],
    ["depth 100,000", "{ authors ".repeat(100_000), "the document is nested deeper than 64 levels"],
    [
      "depth 80 by fragments",
      `{ authors { ...f0 } } ${times(80, (index) => `fragment f${index} on authors { articles { author { ...f${index + 1} } } }`)} fragment f80 on authors { id }`,
      "the document is nested deeper than 64 levels",
    ],
    [
      "a list 100,000 levels deep",
      `{ authors(where: {id: {_in: ${"[".repeat(100_000)}`,
      "the document is nested deeper than 64 levels",
    ],
    [
      "30,000 fields",
      `{ authors { ${times(30_000, (index) => `f${index}: name`)} } }`,
      "the document selects more than 20000 fields",
    ],
    [
      "more than 100,000 tokens",
      `{ authors { ${times(101_000, () => "id")} } }`,
      "the document has more than 100000 tokens",
    ],
    [
      "fragments that double 40 times",
      doubling("fragment f40 on authors { id }"),
      "the document selects more than 20000 fields",
    ],
    [
      "doubling fragments that select nothing",
      doubling("fragment f40 on authors { id @skip(if: true) }"),
      "the document selects more than 20000 fields",
    ],
    [
      "doubling fragments on another type",
      doubling("fragment f40 on articles { id }"),
      "the document selects more than 20000 fields",
    ],
    [
      "an introspection in circles",
      `{ __schema { types { ...t0 } } } ${times(20, (index) => `fragment t${index} on __Type { fields { type { ...t${index + 1} } again: type { ...t${index + 1} } } }`)} fragment t20 on __Type { name }`,
      "the introspection asks for more than 2000000 values",
    ],
    [
      "an introspection 3,000 times",
      `{ ${times(3_000, (index) => `a${index}: __schema { types { name fields { name args { name } } } }`)} }`,
      "the introspection asks for more than 2000000 values",
    ],
  ])("%s are too much", async (_name, query, message) => {
    const refusal = refusalOf(await hostile.ask({ query }));

    expect(refusal).toMatchObject({ message, code: "bad-request" });
  });

  test.each([
    ["itself", "fragment a on authors { id ...a }", "a"],
    [
      "two others",
      "fragment a on authors { ...b } fragment b on authors { ...c } fragment c on authors { ...a }",
      "a, b, and c",
    ],
  ])("a fragment that leads to %s is a cycle", async (_name, fragments, names) => {
    const refusal = refusalOf(await hostile.ask({ query: `{ authors { ...a } } ${fragments}` }));

    expect(refusal).toMatchObject({
      message: `the fragment definition(s) ${names} form a cycle`,
      code: "validation-failed",
    });
  });

  test("a long list of arguments repeated with its field is compared once", async () => {
    const long = `authors(where: {id: {_in: [${times(45_000, () => "1")}]}}) { id }`;
    const query = `{ ${times(6_000, () => "...q")} } fragment q on query_root { ${long} }`;

    const answer = await hostile.ask({ query });

    expect(answer.data).toEqual({ authors: [{ id: 1 }] });
  });

  test("50 requests of 3,000 fields each in one batch are answered", async () => {
    const request = { query: `{ authors(limit: 1) { ${times(3_000, (index) => `f${index}: name`)} } }` };

    const answers = await hostile.askBatch(Array.from({ length: 50 }, () => request));

    expect(answers.map(({ errors }) => errors)).toEqual(Array.from({ length: 50 }, () => undefined));
  });

  test("one bad request of a batch leaves the others alone", async () => {
    const [good, bad, last] = await hostile.askBatch([
      { query: "{ authors(where: {id: {_eq: 1}}) { id } }" },
      { query: "{ nobody }" },
      { query: "{ __typename }" },
    ]);

    expect([good?.data, bad?.errors?.length, last?.data]).toEqual([
      { authors: [{ id: 1 }] },
      1,
      { __typename: "query_root" },
    ]);
  });
});

test("names of JavaScript's own objects are names like others", async () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const field = refusalOf(await hostile.ask({ query: `{ ${name} { id } }` }));
    const argument = refusalOf(await hostile.ask({ query: `{ authors(where: {${name}: {}}) { id } }` }));
    const variable = refusalOf(
      await hostile.ask(
        `{"query": "query($w: authors_bool_exp) { authors(where: $w) { id } }", "variables": {"w": {"${name}": {}}}}`,
      ),
    );

    expect(field.message).toBe(`field '${name}' not found in type: 'query_root'`);
    expect([argument.message, variable.message]).toEqual([
      `field '${name}' not found in type: 'authors_bool_exp'`,
      `field '${name}' not found in type: 'authors_bool_exp'`,
    ]);
  }
});
