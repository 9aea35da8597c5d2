import { type JsonValue, jsonValueSchema } from "@control-plane/queue/json-value";
import { describe, expect, test } from "vitest";
import { checkSchema, readSchema } from "./json-schema.ts";
import { validateValue } from "./validate-value.ts";

function issuesOf(schema: JsonValue, value: JsonValue) {
  const read = readSchema(schema);
  if (read === undefined) throw new Error(`not a schema: ${JSON.stringify(checkSchema(schema, ""))}`);
  return validateValue(read, value);
}
const paths = (schema: JsonValue, value: JsonValue): string[] => issuesOf(schema, value).map(({ path }) => path);

const UUID = "0199f0c4-7b2a-7cc3-98c4-dc0c0c07398f";

describe("a keyword of the subset is enforced:", () => {
  test.for<[string, JsonValue, JsonValue[], JsonValue[]]>([
    ["type null", { type: "null" }, [null], [0, "", false]],
    ["type boolean", { type: "boolean" }, [true, false], [0, null, "true"]],
    ["type string", { type: "string" }, ["", "x"], [1, null, ["x"]]],
    ["type number", { type: "number" }, [1, 1.5, -0], ["1", null]],
    ["type integer", { type: "integer" }, [1, 2.0, -3], [1.5, "1"]],
    ["type array", { type: "array" }, [[], [1]], [{}, null, "[]"]],
    ["type object", { type: "object" }, [{}, { a: 1 }], [[], null]],
    ["a list of types", { type: ["string", "null"] }, ["a", null], [1, {}]],
    ["enum", { enum: ["a", 1, { b: [1], c: null }] }, ["a", 1, { c: null, b: [1] }], ["b", "1", { b: [1] }, null]],
    ["const", { const: { a: [1, 2] } }, [{ a: [1, 2] }], [{ a: [2, 1] }, {}]],
    ["const null", { const: null }, [null], [0, false]],
    ["properties", { properties: { a: { type: "string" } } }, [{ a: "x" }, { b: 1 }, 5], [{ a: 1 }]],
    ["required", { required: ["a"] }, [{ a: null }, "no object"], [{}, { b: 1 }]],
    [
      "additionalProperties false",
      { properties: { a: {} }, additionalProperties: false },
      [{}, { a: 1 }, []],
      [{ b: 1 }, { a: 1, toString: 1 }],
    ],
    ["additionalProperties true", { additionalProperties: true }, [{ b: 1 }], []],
    ["items", { items: { type: "integer" } }, [[], [1, 2], "x"], [[1, "2"]]],
    ["minItems", { minItems: 2 }, [[1, 2], "x"], [[1]]],
    ["maxItems", { maxItems: 1 }, [[1], []], [[1, 2]]],
    ["minLength", { minLength: 2 }, ["ab", "😀😀", 1], ["a", "😀"]],
    ["maxLength", { maxLength: 1 }, ["a", "😀"], ["ab"]],
    ["minimum", { minimum: 2 }, [2, 3, "1"], [1.999]],
    ["maximum", { maximum: 2 }, [2, -5], [2.001]],
    [
      "format date-time",
      { format: "date-time" },
      ["2026-02-28T23:59:59Z", "2024-02-29T00:00:00.123+02:00", 1],
      ["2026-02-29T00:00:00Z", "2026-02-28", "2026-02-28T00:00:00", "2026-02-28T00:00Z", "yesterday"],
    ],
    ["format date", { format: "date" }, ["2024-02-29"], ["2026-02-29", "2026-2-1", "2026-02-01T00:00:00Z"]],
    ["format email", { format: "email" }, ["a.b+c@example.com"], ["a@", "@example.com", "a b@example.com", "a@b"]],
    [
      "format uri",
      { format: "uri" },
      ["https://example.com/a?b#c", "mailto:a@example.com", "urn:isbn:0451450523"],
      ["example.com", "/path", "https://", " https://example.com", "https://example.com/a b"],
    ],
    ["format uuid", { format: "uuid" }, [UUID, UUID.toUpperCase()], [UUID.slice(1), `{${UUID}}`, "x"]],
    [
      "title, description, default, examples: nothing",
      { title: "t", description: "d", default: 1, examples: [1] },
      ["x", 1, null],
      [],
    ],
  ])("%s", ([, schema, good, bad]) => {
    for (const value of good) expect(issuesOf(schema, value), JSON.stringify(value)).toEqual([]);
    for (const value of bad) expect(issuesOf(schema, value), JSON.stringify(value)).not.toEqual([]);
  });
});

describe("an issue", () => {
  test("says where it is", () => {
    const schema = {
      type: "object",
      required: ["a/b", "gone"],
      properties: { "a/b": { items: { properties: { "~": { type: "string" } } } } },
      additionalProperties: false,
    };

    expect(paths(schema, { "a/b": [{}, { "~": 1 }], extra: 1 })).toEqual(["/gone", "/a~1b/1/~0", "/extra"]);
  });

  test("is one of at most 50", () => {
    expect(issuesOf({ items: { type: "string" } }, Array(10_000).fill(1))).toHaveLength(50);
    expect(issuesOf({ required: Array.from({ length: 200 }, (_, n) => `k${n}`) }, {})).toHaveLength(50);
  });
});

describe("a schema", () => {
  test.for(
    [
      "$ref $id $schema $defs $anchor pattern patternProperties anyOf oneOf allOf not if then else dependentRequired",
      "propertyNames contains prefixItems uniqueItems multipleOf exclusiveMinimum exclusiveMaximum minProperties",
      "maxProperties unevaluatedProperties nullable x-order contentEncoding readOnly constructor toString __proto__",
    ]
      .flatMap((line) => line.split(" "))
      .map((keyword) => [keyword]),
  )("with the keyword %s is not supported", ([keyword = ""]) => {
    const schema = jsonValueSchema.parse(JSON.parse(`{"properties": {"a": {"${keyword}": true}}}`));

    expect(checkSchema(schema, "/inputSchema")).toEqual([
      expect.objectContaining({ pointer: `/inputSchema/properties/a/${keyword}`, code: "SCHEMA_UNSUPPORTED" }),
    ]);
    expect(readSchema(schema)).toBeUndefined();
  });

  test.for<[JsonValue, string]>([
    [{ type: "text" }, "/type"],
    [{ type: [] }, "/type"],
    [{ type: ["string", "text"] }, "/type"],
    [{ type: null }, "/type"],
    [{ enum: "a" }, "/enum"],
    [{ enum: [] }, "/enum"],
    [{ properties: [] }, "/properties"],
    [{ properties: { a: true } }, "/properties/a"],
    [{ required: "a" }, "/required"],
    [{ required: [1] }, "/required"],
    [{ additionalProperties: {} }, "/additionalProperties"],
    [{ items: [{}] }, "/items"],
    [{ items: { items: false } }, "/items/items"],
    [{ minItems: -1 }, "/minItems"],
    [{ maxItems: 1.5 }, "/maxItems"],
    [{ minLength: "1" }, "/minLength"],
    [{ maxLength: null }, "/maxLength"],
    [{ minimum: "1" }, "/minimum"],
    [{ maximum: true }, "/maximum"],
    [{ format: "ipv4" }, "/format"],
    [{ title: 1 }, "/title"],
    [{ description: {} }, "/description"],
    [{ examples: {} }, "/examples"],
    [true, ""],
    [[], ""],
    [null, ""],
  ])("%j is invalid at %s", ([schema, pointer]) => {
    expect(checkSchema(schema, "")).toEqual([expect.objectContaining({ pointer, code: "SCHEMA_INVALID" })]);
  });

  test("tells all its faults at once", () => {
    expect(checkSchema({ pattern: "x", type: "text", items: { $ref: "#" } }, "").map(({ code }) => code)).toEqual([
      "SCHEMA_UNSUPPORTED",
      "SCHEMA_INVALID",
      "SCHEMA_UNSUPPORTED",
    ]);
  });

  const nest = (levels: number): JsonValue => (levels === 1 ? {} : { items: nest(levels - 1) });
  const wide = (keywords: number): JsonValue => ({
    properties: Object.fromEntries(Array.from({ length: keywords - 1 }, (_, n) => [`p${n}`, { title: "" }])),
  });
  test.for([
    ["10 levels", nest(10), nest(11)],
    ["500 keywords", wide(500), wide(501)],
    ["64 KiB", { title: "x".repeat(65_536 - 12) }, { title: "x".repeat(65_536 - 11) }],
  ] as const)("may have %s and not more", ([, most, tooMuch]) => {
    expect(checkSchema(most, "")).toEqual([]);
    expect(checkSchema(tooMuch, "").map(({ code }) => code)).toEqual(["SCHEMA_INVALID"]);
  });

  test("enforces a property that is called __proto__", () => {
    const schema = jsonValueSchema.parse(
      JSON.parse('{"properties": {"__proto__": {"type": "string"}}, "additionalProperties": false}'),
    );
    const value = jsonValueSchema.parse(JSON.parse('{"__proto__": 1}'));

    expect(issuesOf(schema, value)).toEqual([{ path: "/__proto__", message: "must be string" }]);
  });
});

test("a long enum against a long list is looked up, not compared pair by pair", () => {
  const listed = Array.from({ length: 9_000 }, (_, n) => n);
  const last = listed.at(-1) ?? 0;

  expect(issuesOf({ items: { enum: listed } }, Array(150_000).fill(last))).toEqual([]);
}, 10_000);
