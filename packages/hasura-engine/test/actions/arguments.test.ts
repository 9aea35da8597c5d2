import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AskedEngine, startAskedEngine } from "../asked-engine.ts";
import { type Outside, startOutside } from "../outside.ts";

let handler: Outside;
let world: AskedEngine;

const args = {
  text: "String",
  whole: "Int",
  share: "Float",
  yes: "Boolean",
  id: "ID",
  size: "Size",
  sizes: "[Size!]",
  numbers: "[Int!]",
  grid: "[[Int]!]",
  key: "uuid",
  keys: "[uuid!]",
  any: "jsonb",
  custom: "Custom",
  box: "Box",
  boxes: "[Box!]",
};

beforeAll(async () => {
  handler = await startOutside(({ body }) => ({ body: JSON.stringify(JSON.parse(body).input) }));
  world = await startAskedEngine({
    sql: "create table things (key uuid, content jsonb)",
    tables: [{ table: "things" }],
    root: {
      actions: [
        {
          name: "take",
          definition: {
            kind: "synchronous",
            type: "query",
            arguments: Object.entries(args).map(([name, type]) => ({ name, type })),
            output_type: "jsonb!",
            handler: handler.url,
          },
        },
      ],
      custom_types: {
        enums: [{ name: "Size", values: [{ value: "SMALL" }, { value: "BIG" }] }],
        scalars: [{ name: "Custom" }],
        input_objects: [
          {
            name: "Box",
            fields: [
              { name: "name", type: "String!" },
              { name: "size", type: "Size" },
              { name: "counts", type: "[Int!]" },
              { name: "inner", type: "Box" },
              { name: "list", type: "[Box]" },
            ],
          },
        ],
      },
    },
  });
});
afterAll(async () => {
  await world.close();
  await handler.close();
});

describe("the handler gets", () => {
  test.each<[string, string, unknown]>([
    ["only what is given", 'text: "t"', { text: "t" }],
    [
      "a null that is given",
      "text: null, size: null, numbers: null, box: null",
      { text: null, size: null, numbers: null, box: null },
    ],
    ["scalars as they are", 'whole: 1, share: 1.5, yes: true, id: "x"', { whole: 1, share: 1.5, yes: true, id: "x" }],
    ["an id that is a number, as a number", "id: 7", { id: 7 }],
    ["the outermost 32-bit integers", "numbers: [-2147483648, 2147483647]", { numbers: [-2147483648, 2147483647] }],
    ["a whole number as a float", "share: 2", { share: 2 }],
    ["enum values as texts", "size: BIG, sizes: [SMALL, BIG]", { size: "BIG", sizes: ["SMALL", "BIG"] }],
    [
      "a list of one for a single value",
      'sizes: SMALL, numbers: 1, keys: "k", boxes: {name: "n"}',
      { sizes: ["SMALL"], numbers: [1], keys: ["k"], boxes: [{ name: "n" }] },
    ],
    ["lists of lists with nulls", "grid: [[1, null], []]", { grid: [[1, null], []] }],
    ["a single value inside two lists", "grid: 1", { grid: [[1]] }],
    [
      "any JSON for PG and custom scalars",
      "key: 5, any: {a: [1, null, ENUM]}, custom: [true]",
      { key: 5, any: { a: [1, null, "ENUM"] }, custom: [true] },
    ],
    [
      "nested inputs",
      'box: {name: "a", size: BIG, counts: 3, inner: {name: "b"}, list: [{name: "c"}, null]}',
      { box: { name: "a", size: "BIG", counts: [3], inner: { name: "b" }, list: [{ name: "c" }, null] } },
    ],
  ])("%s", async (_name, given, input) => {
    const reply = await world.ask(`{ take(${given}) }`);

    expect(reply).toEqual({ data: { take: input } });
  });

  const definitions = Object.entries(args)
    .map(([name, type]) => `$${name}: ${type}`)
    .join(", ");
  const uses = Object.keys(args)
    .map((name) => `${name}: $${name}`)
    .join(", ");
  const absent = Object.fromEntries(Object.keys(args).map((name) => [name, null]));

  test.each<[string, object, object]>([
    ["null for variables without a value", {}, {}],
    [
      "scalars of variables",
      { text: "t", whole: 1, share: 1.5, yes: false, id: "x" },
      { text: "t", whole: 1, share: 1.5, yes: false, id: "x" },
    ],
    [
      "the outermost 32-bit integers of variables",
      { numbers: [-2147483648, 2147483647] },
      { numbers: [-2147483648, 2147483647] },
    ],
    ["enum values of variables", { size: "BIG", sizes: ["SMALL"] }, { size: "BIG", sizes: ["SMALL"] }],
    [
      "lists for single values of variables",
      { sizes: "SMALL", numbers: 1, grid: [1], keys: "k", boxes: { name: "n" } },
      { sizes: ["SMALL"], numbers: [1], grid: [[1]], keys: ["k"], boxes: [{ name: "n" }] },
    ],
    ["any JSON of variables", { key: 5, any: { a: [1] }, custom: [true] }, { key: 5, any: { a: [1] }, custom: [true] }],
    [
      "nested inputs of variables",
      { box: { name: "a", counts: 3, inner: { name: "b", size: "BIG" } } },
      { box: { name: "a", counts: [3], inner: { name: "b", size: "BIG" } } },
    ],
  ])("%s", async (_name, variables, input) => {
    const reply = await world.ask(`query (${definitions}) { take(${uses}) }`, { variables });

    expect(reply).toEqual({ data: { take: { ...absent, ...input } } });
  });

  test("defaults of variables without a value", async () => {
    const reply = await world.ask(
      'query ($n: Int = 4, $s: [Size!] = BIG, $b: Box = {name: "d"}) { take(numbers: [$n], sizes: $s, box: $b) }',
    );

    expect(reply).toEqual({ data: { take: { numbers: [4], sizes: ["BIG"], box: { name: "d" } } } });
  });

  test("variables inside json values", async () => {
    const reply = await world.ask("query ($n: Int) { take(any: {deep: [$n, {n: $n}]}) }", { variables: { n: 3 } });

    expect(reply).toEqual({ data: { take: { any: { deep: [3, { n: 3 }] } } } });
  });
});

const place = "validation-failed $.selectionSet.take.args";

function outOfBounds(argument: string, value: string): string {
  const message = "lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?";
  return `parse-failed $.selectionSet.take.args.${argument} The value ${value} ${message}`;
}

describe("is refused before the handler is asked", () => {
  test.each([
    ["text: 1", `${place}.text expected a string for type 'String', but found an integer`],
    ["text: BIG", `${place}.text expected a string for type 'String', but found an enum value`],
    ["whole: 1.5", `${place}.whole expected a 32-bit integer for type 'Int', but found a float`],
    ['whole: "1"', `${place}.whole expected a 32-bit integer for type 'Int', but found a string`],
    ["whole: 2147483648", outOfBounds("whole", "2.147483648e9")],
    ["whole: -2147483649", outOfBounds("whole", "-2.147483649e9")],
    ["numbers: [1, 2147483648]", outOfBounds("numbers[1]", "2.147483648e9")],
    ["id: 2147483648", `${place}.id expected a String or a 32-bit integer for type 'ID', but found an integer`],
    ["yes: 1", `${place}.yes expected a boolean for type 'Boolean', but found an integer`],
    ["id: 1.5", `${place}.id expected a String or a 32-bit integer for type 'ID', but found a float`],
    ['share: "1"', `${place}.share expected a float for type 'Float', but found a string`],
    ["size: HUGE", `${place}.size expected one of the values ['BIG', 'SMALL'] for type 'Size', but found 'HUGE'`],
    ['size: "BIG"', `${place}.size expected an enum value for type 'Size', but found a string`],
    ["numbers: [1, null]", `${place}.numbers[1] unexpected null value for type 'Int'`],
    ['numbers: ["x"]', `${place}.numbers[0] expected a 32-bit integer for type 'Int', but found a string`],
    ["grid: [null]", `${place}.grid[0] expected a list, but found null`],
    ["box: {}", `${place}.box.name missing required field 'name'`],
    ['box: {name: "n", foo: 1}', `${place}.box.foo field 'foo' not found in type: 'Box'`],
    [
      'boxes: [{name: "n", inner: {name: null}}]',
      `${place}.boxes[0].inner.name unexpected null value for type 'String'`,
    ],
    ["box: 1", `${place}.box expected an object for type 'Box', but found an integer`],
  ])("%s", async (given, error) => {
    const before = handler.calls().length;

    const reply = await world.ask(`{ take(${given}) }`);

    expect(reply).toEqual({ error });
    expect(handler.calls()).toHaveLength(before);
  });

  test.each<[string, unknown, string]>([
    ["text", 1, `${place}.text expected a string for type 'String', but found a number`],
    ["whole", "1", `${place}.whole expected a 32-bit integer for type 'Int', but found a string`],
    ["whole", 2147483648, outOfBounds("whole", "2.147483648e9")],
    ["whole", 1.5, outOfBounds("whole", "1.5")],
    ["numbers", [1, 2147483648], outOfBounds("numbers[1]", "2.147483648e9")],
    ["id", 2147483648, `${place}.id expected a String or a 32-bit integer for type 'ID', but found a number`],
    ["size", "HUGE", `${place}.size expected one of the values ['BIG', 'SMALL'] for type 'Size', but found 'HUGE'`],
    ["numbers", ["x"], `${place}.numbers[0] expected a 32-bit integer for type 'Int', but found a string`],
    ["numbers", [1, null], `${place}.numbers[1] unexpected null value for type 'Int'`],
    ["numbers", "x", `${place}.numbers[0] expected a 32-bit integer for type 'Int', but found a string`],
    ["grid", [null], `${place}.grid[0] expected a list, but found null`],
    ["grid", [["x"]], `${place}.grid[0][0] expected a 32-bit integer for type 'Int', but found a string`],
    ["boxes", [{ name: "n", counts: [null] }], `${place}.boxes[0].counts[0] unexpected null value for type 'Int'`],
  ])("%s of a variable: %j", async (name, value, error) => {
    const type = Object.entries(args).find(([arg]) => arg === name)?.[1];

    const reply = await world.ask(`query ($v: ${type}) { take(${name}: $v) }`, { variables: { v: value } });

    expect(reply).toEqual({ error });
  });
});
