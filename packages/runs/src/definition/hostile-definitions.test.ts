import type { JsonValue } from "@control-plane/queue/json-value";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orderSteps } from "./step-order.ts";
import { namedIds, validateDefinition } from "./validate-definition.ts";

const ACTION = "00000000-0000-4000-8000-000000000001";
const closed = (names: number): JsonValue => ({
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(Array.from({ length: names }, (_, n) => [`p${n}`, {}])),
});
const facts = (schema: JsonValue = {}) => ({
  actions: new Map([
    [ACTION, { published: true, appId: "core", authType: "NONE", inputSchema: schema, outputSchema: schema }],
  ]),
  connections: new Map(),
});
const step = (key: string, dependsOn: readonly string[] = [], input: JsonValue = {}): JsonValue => ({
  key,
  actionId: ACTION,
  dependsOn,
  input,
});
const definition = (steps: readonly JsonValue[], output: JsonValue = null): JsonValue => ({
  schemaVersion: 1,
  steps,
  output,
});
const codes = (value: unknown, schema?: JsonValue): string[] =>
  validateDefinition(value, facts(schema)).problems.map(({ code }) => code);

/** Edges go from later steps to earlier ones, so there is no cycle. */
const graph = fc
  .integer({ min: 2, max: 40 })
  .chain((size) =>
    fc
      .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: size, maxLength: size })
      .map((edges) =>
        edges.map((targets, index) => (index === 0 ? [] : [...new Set(targets.map((target) => target % index))])),
      ),
  );
const toSteps = (edges: readonly (readonly number[])[]) =>
  edges.map((targets, index) =>
    step(
      `s${index}`,
      targets.map((target) => `s${target}`),
    ),
  );

const seed = Math.floor(Math.random() * 2 ** 31);

describe(`random graphs (seed ${seed})`, () => {
  test("without a cycle are valid, and their steps come after what they wait for", () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const { definition: read, problems } = validateDefinition(definition(toSteps(edges)), facts());

        expect(problems).toEqual([]);
        const order = orderSteps(read?.steps ?? []).map(({ key }) => key);
        expect([...order].sort()).toEqual(edges.map((_, index) => `s${index}`).sort());
        for (const [index, targets] of edges.entries())
          for (const target of targets) expect(order.indexOf(`s${target}`)).toBeLessThan(order.indexOf(`s${index}`));
      }),
      { seed },
    );
  });

  test("with one edge back along a path have one cycle, which the message walks", () => {
    fc.assert(
      fc.property(graph, fc.nat(), fc.nat(), (edges, from, steps) => {
        // Walk down some path; the edge back from its end to its start closes the one cycle.
        const start = from % edges.length;
        let end = start;
        for (let n = 0; n <= steps % 5; n++) end = edges[end]?.[0] ?? end;
        const broken = edges.map((targets, index) => (index === end ? [...targets, start] : targets));

        const { problems } = validateDefinition(definition(toSteps(broken)), facts());

        expect(problems.map(({ code }) => code)).toEqual(["DEPENDENCY_CYCLE"]);
        const walked = problems[0]?.message.split(": ")[1]?.split(" → ") ?? [];
        expect(walked[0]).toBe(walked.at(-1));
        for (const [place, key] of walked.slice(0, -1).entries())
          expect(broken[Number(key.slice(1))]?.map((target) => `s${target}`)).toContain(walked[place + 1]);
      }),
      { seed },
    );
  });
});

const HUNDRED = Array.from({ length: 100 }, (_, n) => n);
test.for<[string, JsonValue]>([
  [
    "chain",
    definition(
      HUNDRED.map((n) =>
        step(`s${n}`, n === 0 ? [] : [`s${n - 1}`], n === 0 ? {} : { a: { $ref: `/steps/s${n - 1}/output/p1` } }),
      ),
    ),
  ],
  [
    "fan",
    definition(
      HUNDRED.map((n) => step(`s${n}`, n === 99 ? HUNDRED.slice(0, 99).map((m) => `s${m}`) : [])),
      HUNDRED.map((n) => ({ $ref: `/steps/s${n}/output/p1` })),
    ),
  ],
])("a %s of 100 steps is validated 100 times in 5 s", { timeout: 5_000 }, ([, value]) => {
  for (const _ of HUNDRED) expect(codes(value, { properties: { p1: {} } })).toEqual([]);
});

function nested(depth: number, open: string, close: string, core: string): unknown {
  return JSON.parse(open.repeat(depth) + core + close.repeat(depth));
}

// The time limit of each test is the bound; all of these take milliseconds.
describe("a hostile definition is answered:", { timeout: 10_000 }, () => {
  test.for([
    ["lists", "[", "]", "1"],
    ["objects", '{"a":', "}", "1"],
    ["texts", '{"$text":[', "]}", "1"],
    ["defaults", '{"$ref":"/input","default":', "}", "1"],
    ["schemas", '{"items":', "}", "{}"],
  ] as const)("100,000 levels of %s", ([, open, close, core]) => {
    const deep = nested(100_000, open, close, core);

    for (const value of [
      deep,
      { schemaVersion: 1, steps: [{ key: "a", actionId: ACTION, input: { deep } }] },
      { schemaVersion: 1, steps: [step("a")], inputSchema: deep },
      { schemaVersion: 1, steps: [step("a")], output: deep },
      { schemaVersion: 1, steps: [{ key: "a", actionId: ACTION, when: { op: "EQ", left: deep, right: deep } }] },
    ]) {
      expect(codes(value)).toEqual(["SHAPE_INVALID"]);
      expect(namedIds(value)).toEqual({ actionIds: [], connectionIds: [] });
    }
  });

  test("490 levels are walked to their ends", () => {
    const value = {
      schemaVersion: 1,
      steps: [{ key: "a", actionId: ACTION, input: { deep: nested(490, "[", "]", '{"$ref":"/nope"}') } }],
    };

    expect(codes(value)).toEqual(["REF_INVALID"]);
  });

  test("100,000 keys", () => {
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n]));

    expect(codes(keys)).toEqual(["TOO_LARGE"]);
    expect(codes({ schemaVersion: 1, steps: [{ key: "a", actionId: ACTION, input: keys }] })).toEqual(["TOO_LARGE"]);
  });

  test("as many unknown fields as fit", () => {
    const fields = Object.fromEntries(Array.from({ length: 25_000 }, (_, n) => [n.toString(36), 0]));

    expect(codes(fields)).toHaveLength(100);
    expect(codes({ schemaVersion: 1, steps: [step("a")], inputSchema: { ...fields } })).toHaveLength(1);
  });

  test("as many pointers as fit, into a schema as large as may be", () => {
    const refs = Array.from({ length: 5_000 }, (_, n) => ({ $ref: `/steps/a/output/p${n % 400}` }));

    expect(codes(definition([step("a")], refs), closed(400))).toEqual([]);
  });

  test("100 steps that all wait for all", () => {
    const keys = HUNDRED.map((n) => `s${n}`);

    expect(codes(definition(keys.map((key) => step(key, keys))))).toContain("DEPENDENCY_CYCLE");
  });

  test.for(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "a member called %s is a name like any other",
    (name) => {
      const parse = (text: string): unknown => JSON.parse(text.replaceAll("NAME", name));
      const inInput = parse(
        `{"schemaVersion":1,"steps":[{"key":"a","actionId":"${ACTION}","input":{"NAME":{"$ref":"/nope"}}}]}`,
      );
      const asField = parse(`{"schemaVersion":1,"steps":[{"key":"a","actionId":"${ACTION}","NAME":{"key":"b"}}]}`);
      const plain = parse(`{"schemaVersion":1,"steps":[{"key":"a","actionId":"${ACTION}","input":{"NAME":{"x":1}}}]}`);

      expect(codes(inInput)).toEqual(["REF_INVALID"]);
      expect(codes(asField)).toEqual(["SHAPE_INVALID"]);
      expect(JSON.stringify(validateDefinition(plain, facts()).definition?.steps[0]?.input)).toBe(
        `{"${name}":{"x":1}}`,
      );
      expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
      const missing = { type: "object", required: [name], properties: { x: {} }, additionalProperties: false };
      expect(codes(definition([step("a")]), missing)).toEqual(["INPUT_PROPERTY_MISSING"]);
      expect(
        codes(definition([step("a")], { $ref: `/steps/a/output/${name}` }), { additionalProperties: false }),
      ).toEqual(["REF_UNKNOWN_PROPERTY"]);
    },
  );

  test.for(["a; rm -rf /", "$(id)", "`id`", "a|b", "a\nb", "../a", "A", ""])(
    "a step cannot be called %j [CVE-2026-73081]",
    (key) => {
      expect(codes(definition([step(key)]))).toEqual(["SHAPE_INVALID"]);
    },
  );

  test.for([undefined, null, 5, "text", true, [], () => 1, new Map(), Number.NaN, { steps: Number.POSITIVE_INFINITY }])(
    "%s is no definition",
    (value) => {
      expect(codes(value)).toContain("SHAPE_INVALID");
    },
  );
});
