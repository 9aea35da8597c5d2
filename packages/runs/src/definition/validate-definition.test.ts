import type { JsonValue } from "@control-plane/queue/json-value";
import { describe, expect, test } from "vitest";
import type { ActionFacts } from "./known-schemas.ts";
import { type DefinitionFacts, validateDefinition } from "./validate-definition.ts";

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const ECHO = id(1);
const MAIL = id(2);
const DRAFT = id(3);
const OPEN = id(4);
const MAIL_CONNECTION = id(11);
const OTHER_APP = id(12);
const OTHER_AUTH = id(13);
const UNKNOWN = id(99);

const action = (changes: Partial<ActionFacts> = {}): ActionFacts => ({
  published: true,
  appId: "core",
  authType: "NONE",
  inputSchema: {},
  outputSchema: {},
  ...changes,
});
const facts: DefinitionFacts = {
  actions: new Map([
    [
      ECHO,
      action({
        outputSchema: {
          type: "object",
          additionalProperties: false,
          properties: {
            text: { type: "string" },
            count: { type: "integer" },
            maybe: { type: ["string", "null"] },
            list: { type: "array", items: { type: "object", additionalProperties: false, properties: { id: {} } } },
            free: {},
          },
        },
      }),
    ],
    [
      MAIL,
      action({
        appId: "mail",
        authType: "BEARER",
        inputSchema: {
          type: "object",
          required: ["to"],
          additionalProperties: false,
          properties: {
            to: { type: "string" },
            copies: { type: "number", minimum: 1 },
            tags: { type: "array", items: { type: "string" } },
            options: { type: "object", required: ["mode"], properties: { mode: { enum: ["a", "b"] } } },
          },
        },
      }),
    ],
    [DRAFT, action({ published: false })],
    [OPEN, action({ inputSchema: { pattern: "not of the subset" } })],
  ]),
  connections: new Map([
    [MAIL_CONNECTION, { appId: "mail", authType: "BEARER" }],
    [OTHER_APP, { appId: "chat", authType: "BEARER" }],
    [OTHER_AUTH, { appId: "mail", authType: "BASIC" }],
  ]),
};

type Sketch = { readonly [field: string]: JsonValue };
const echo = (key: string, changes: Sketch = {}): Sketch => ({ key, actionId: ECHO, ...changes });
const mail = (changes: Sketch = {}): Sketch => ({
  key: "mail",
  actionId: MAIL,
  connectionId: MAIL_CONNECTION,
  input: { to: "a@example.com" },
  ...changes,
});
const definition = (steps: readonly JsonValue[], changes: Sketch = {}): JsonValue => ({
  schemaVersion: 1,
  steps,
  ...changes,
});
const found = (value: unknown): string[] =>
  validateDefinition(value, facts).problems.map(({ code, pointer }) => `${code} ${pointer}`);
const after = (input: JsonValue): JsonValue => definition([echo("a"), mail({ dependsOn: ["a"], input })]);

describe("a definition", () => {
  test("without a problem is given back with its defaults", () => {
    const { definition: read, problems } = validateDefinition(definition([echo("a")]), facts);

    expect(problems).toEqual([]);
    expect(read).toEqual({
      schemaVersion: 1,
      timeoutSeconds: 3_600,
      retry: { maxAttempts: 3, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 },
      steps: [{ key: "a", actionId: ECHO, dependsOn: [], input: {} }],
      output: null,
    });
  });

  test.for<[string, Sketch]>([
    [
      "all fields at their lower limits",
      { timeoutSeconds: 10, retry: { maxAttempts: 1, initialDelaySeconds: 1, factor: 1, maxDelaySeconds: 1 } },
    ],
    [
      "all fields at their upper limits",
      {
        timeoutSeconds: 86_400,
        retry: { maxAttempts: 10, initialDelaySeconds: 3_600, factor: 10, maxDelaySeconds: 86_400 },
      },
    ],
    ["part of retry", { retry: { maxAttempts: 2 } }],
    [
      "an inputSchema",
      { inputSchema: { type: "object", properties: { a: { type: "string" } } }, output: { $ref: "/input/a" } },
    ],
  ])("may have %s", ([, changes]) => {
    expect(found(definition([echo("a", { name: "", timeoutSeconds: 3_600 })], changes))).toEqual([]);
  });
});

describe("a problem of", () => {
  const wait = (key: string, ...dependsOn: string[]): Sketch => echo(key, { dependsOn });
  const ref = (pointer: JsonValue, changes: Sketch = {}): JsonValue => ({ $ref: pointer, ...changes });
  const reading = (pointer: JsonValue): JsonValue =>
    definition([echo("a"), echo("b", { dependsOn: ["a"], input: { x: ref(pointer) } })]);
  const X = "/steps/1/input/x/$ref";
  test.for<[string, JsonValue, string[]]>([
    ["size", definition([echo("a", { input: { text: "x".repeat(256 * 1024) } })]), ["TOO_LARGE "]],
    ["number of steps", definition(Array.from({ length: 101 }, (_, n) => echo(`s${n}`))), ["TOO_LARGE "]],
    [
      "the inputSchema's keywords",
      definition([echo("a")], { inputSchema: { properties: { a: { pattern: "x" } } } }),
      ["SCHEMA_UNSUPPORTED /inputSchema/properties/a/pattern"],
    ],
    [
      "the inputSchema's values",
      definition([echo("a")], { inputSchema: { type: "text" } }),
      ["SCHEMA_INVALID /inputSchema/type"],
    ],
    ["an inputSchema of null", definition([echo("a")], { inputSchema: null }), ["SCHEMA_INVALID /inputSchema"]],
    ["equal keys", definition([echo("a"), echo("b"), echo("a")]), ["KEY_DUPLICATE /steps/2/key"]],
    ["unknown dependencies", definition([echo("a"), wait("b", "a", "z")]), ["DEPENDENCY_UNKNOWN /steps/1/dependsOn/1"]],
    ["a step that waits for itself", definition([wait("a", "a")]), ["DEPENDENCY_CYCLE /steps/0/dependsOn/0"]],
    [
      "a cycle",
      definition([echo("a"), wait("b", "a", "d"), wait("c", "b"), wait("d", "c")]),
      ["DEPENDENCY_CYCLE /steps/1/dependsOn/1"],
    ],
    [
      "two cycles apart",
      definition([wait("a", "b"), wait("b", "a"), wait("c", "d"), wait("d", "c")]),
      ["DEPENDENCY_CYCLE /steps/0/dependsOn/0", "DEPENDENCY_CYCLE /steps/2/dependsOn/0"],
    ],
    [
      "an action that does not exist",
      definition([echo("a", { actionId: UNKNOWN })]),
      ["ACTION_UNKNOWN /steps/0/actionId"],
    ],
    ["an action of a draft", definition([echo("a", { actionId: DRAFT })]), ["ACTION_NOT_PUBLISHED /steps/0/actionId"]],
    [
      "a connection that is missing",
      definition([{ key: "mail", actionId: MAIL, input: { to: "" } }]),
      ["CONNECTION_MISSING /steps/0/connectionId"],
    ],
    [
      "a connection that is not needed",
      definition([echo("a", { connectionId: MAIL_CONNECTION })]),
      ["CONNECTION_NOT_ALLOWED /steps/0/connectionId"],
    ],
    [
      "a connection that does not exist",
      definition([mail({ connectionId: UNKNOWN })]),
      ["CONNECTION_UNKNOWN /steps/0/connectionId"],
    ],
    [
      "a connection to another app",
      definition([mail({ connectionId: OTHER_APP })]),
      ["CONNECTION_WRONG_APP /steps/0/connectionId"],
    ],
    [
      "a connection with another kind of sign-in",
      definition([mail({ connectionId: OTHER_AUTH })]),
      ["CONNECTION_WRONG_APP /steps/0/connectionId"],
    ],
    ["a text that is no pointer", reading("input"), [`REF_INVALID ${X}`]],
    ["an empty pointer", reading(""), [`REF_INVALID ${X}`]],
    ["a pointer with a wrong escape", reading("/input/~2"), [`REF_INVALID ${X}`]],
    ["a pointer that is no text", reading(5), [`REF_INVALID ${X}`]],
    ["an unknown root", reading("/secrets/a"), [`REF_INVALID ${X}`]],
    ["a step's input", reading("/steps/a/input"), [`REF_INVALID ${X}`]],
    ["a step as a whole", reading("/steps/a"), [`REF_INVALID ${X}`]],
    ["what a trigger does not have", reading("/trigger/body"), [`REF_INVALID ${X}`]],
    ["what a run does not have", reading("/run/tenantId"), [`REF_INVALID ${X}`]],
    [
      "a pointer in an operator with other members",
      definition([echo("a", { input: { x: ref("/input", { other: 1 }) } })]),
      ["REF_INVALID /steps/0/input/x"],
    ],
    [
      "an operator nobody knows [CVE-2025-68613]",
      definition([echo("a", { input: { x: { $eval: "1" } } })]),
      ["REF_INVALID /steps/0/input/x"],
    ],
    [
      "two operators in one",
      definition([echo("a", { input: { x: { $text: [], $literal: 1 } } })]),
      ["REF_INVALID /steps/0/input/x"],
    ],
    [
      "a text that is no list",
      definition([echo("a", { input: { x: { $text: "a" } } })]),
      ["REF_INVALID /steps/0/input/x"],
    ],
    [
      "a pointer inside a text",
      definition([echo("a", { input: { x: { $text: ["a", ref("/nope")] } } })]),
      ["REF_INVALID /steps/0/input/x/$text/1/$ref"],
    ],
    [
      "a pointer inside a default",
      definition([echo("a", { input: { x: ref("/input", { default: ref("/nope") }) } })]),
      ["REF_INVALID /steps/0/input/x/default/$ref"],
    ],
    [
      "a pointer inside a condition",
      definition([echo("a", { when: { op: "EXISTS", left: ref("/nope") } })]),
      ["REF_INVALID /steps/0/when/left/$ref"],
    ],
    [
      "a pointer inside the output",
      definition([echo("a")], { output: { "a/b": [ref("/nope")] } }),
      ["REF_INVALID /output/a~1b/0/$ref"],
    ],
    [
      "a step that comes later",
      definition([echo("a", { input: { x: ref("/steps/b/output") } }), wait("b", "a")]),
      ["REF_NOT_UPSTREAM /steps/0/input/x/$ref"],
    ],
    [
      "a step beside",
      definition([echo("a"), echo("b", { when: { op: "EXISTS", left: ref("/steps/a/output") } })]),
      ["REF_NOT_UPSTREAM /steps/1/when/left/$ref"],
    ],
    [
      "itself",
      definition([echo("a", { input: { x: ref("/steps/a/output") } })]),
      ["REF_NOT_UPSTREAM /steps/0/input/x/$ref"],
    ],
    [
      "a step that does not exist",
      definition([echo("a")], { output: ref("/steps/z/output") }),
      ["REF_NOT_UPSTREAM /output/$ref"],
    ],
    ["a property the step before does not have", reading("/steps/a/output/nope"), [`REF_UNKNOWN_PROPERTY ${X}`]],
    ["a property an item does not have", reading("/steps/a/output/list/0/nope"), [`REF_UNKNOWN_PROPERTY ${X}`]],
    [
      "a property the input does not have",
      definition([echo("a")], {
        inputSchema: { type: "object", additionalProperties: false },
        output: ref("/input/a"),
      }),
      ["REF_UNKNOWN_PROPERTY /output/$ref"],
    ],
    ["a required property", definition([mail({ input: {} })]), ["INPUT_PROPERTY_MISSING /steps/0/input"]],
    [
      "a step without input",
      definition([{ key: "mail", actionId: MAIL, connectionId: MAIL_CONNECTION }]),
      ["INPUT_PROPERTY_MISSING /steps/0/input"],
    ],
    [
      "a required property deep inside",
      after({ to: "x", options: {} }),
      ["INPUT_PROPERTY_MISSING /steps/1/input/options"],
    ],
    ["a literal of the wrong type", after({ to: 5 }), ["INPUT_TYPE_MISMATCH /steps/1/input/to"]],
    ["a literal out of range", after({ to: "x", copies: 0 }), ["INPUT_TYPE_MISMATCH /steps/1/input/copies"]],
    [
      "a literal deep inside",
      after({ to: "x", tags: ["a", 1], options: { mode: "c" } }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/tags/1", "INPUT_TYPE_MISMATCH /steps/1/input/options/mode"],
    ],
    [
      "a literal beside a pointer",
      after({ to: "x", tags: [ref("/input/a"), 1] }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/tags/1"],
    ],
    ["a $literal", after({ to: { $literal: 5 } }), ["INPUT_TYPE_MISMATCH /steps/1/input/to"]],
    [
      "a property the action does not have",
      after({ to: "x", cc: ref("/input") }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/cc"],
    ],
    [
      "a pointer to another type",
      after({ to: ref("/steps/a/output/count") }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/to"],
    ],
    ["a pointer to a list", after({ to: ref("/steps/a/output/list") }), ["INPUT_TYPE_MISMATCH /steps/1/input/to"]],
    [
      "a pointer to one of types that all do not fit",
      after({ to: "x", copies: ref("/steps/a/output/maybe") }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/copies"],
    ],
    [
      "a text for a number",
      after({ to: "x", copies: { $text: ["1"] } }),
      ["INPUT_TYPE_MISMATCH /steps/1/input/copies"],
    ],
    ["a whole input that is a text", after({ $text: ["x"] }), ["INPUT_TYPE_MISMATCH /steps/1/input"]],
    [
      "a whole input from a pointer to a text",
      after(ref("/steps/a/output/text")),
      ["INPUT_TYPE_MISMATCH /steps/1/input"],
    ],
  ])("%s has its code and its pointer", ([, value, problems]) => {
    expect(found(value)).toEqual(problems);
  });

  test.for<[string, JsonValue]>([
    [
      "the roots",
      { a: ref("/input"), b: ref("/trigger"), c: ref("/run"), d: ref("/run/id"), e: ref("/trigger/headers/x") },
    ],
    ["the input without a schema", { a: ref("/input/any/thing") }],
    [
      "a step before",
      { a: ref("/steps/a/output/text"), b: ref("/steps/a/output/list/0/id"), c: ref("/steps/a/output/free/x/y") },
    ],
    ["what a $literal hides", { a: { $literal: { $ref: "/nope", $x: 1 } } }],
  ])("pointers is none for %s", ([, input]) => {
    expect(found(definition([echo("a"), echo("b", { dependsOn: ["a"], input })]))).toEqual([]);
  });

  test.for<[string, JsonValue]>([
    ["a type that may be the wanted one", { to: ref("/steps/a/output/maybe") }],
    ["an integer for a number", { to: "x", copies: ref("/steps/a/output/count") }],
    ["a type that is not known", { to: ref("/steps/a/output/free") }],
    ["a default, which may be what comes", { to: ref("/steps/a/output/count", { default: "x" }) }],
    ["a whole input from elsewhere", ref("/steps/a/output/free")],
    ["a whole input taken as it is", { $literal: { to: "x" } }],
  ])("types is none for %s", ([, input]) => {
    expect(found(after(input))).toEqual([]);
  });

  test("types is none for an action whose own schema is faulty", () => {
    expect(found(definition([echo("a", { actionId: OPEN, input: { x: 1 } })]))).toEqual([]);
  });

  test("a cycle names the steps along it", () => {
    const { problems } = validateDefinition(definition([wait("a", "b"), wait("b", "c"), wait("c", "a")]), facts);

    expect(problems.map(({ message }) => message)).toEqual(["these steps wait for each other: a → b → c → a"]);
  });
});

describe("problems", () => {
  test("of every kind are found in one pass", () => {
    const value = definition(
      [
        { key: "Bad", actionId: ECHO },
        echo("a", { actionId: UNKNOWN, input: { x: { $ref: "/nope" } }, timeoutSeconds: 0 }),
        echo("a", { connectionId: MAIL_CONNECTION }),
        mail({ input: { to: 1 }, connectionId: "x" }),
      ],
      { inputSchema: { pattern: "x" }, extra: 1 },
    );

    expect(found(value).sort()).toEqual([
      "ACTION_UNKNOWN /steps/1/actionId",
      "CONNECTION_NOT_ALLOWED /steps/2/connectionId",
      "INPUT_TYPE_MISMATCH /steps/3/input/to",
      "KEY_DUPLICATE /steps/2/key",
      "REF_INVALID /steps/1/input/x/$ref",
      "SCHEMA_UNSUPPORTED /inputSchema/pattern",
      "SHAPE_INVALID /extra",
      "SHAPE_INVALID /steps/0/key",
      "SHAPE_INVALID /steps/1/timeoutSeconds",
      "SHAPE_INVALID /steps/3/connectionId",
    ]);
  });

  test("that only a step's missing key would cause are not told", () => {
    const value = definition([
      { actionId: ECHO },
      echo("b", { dependsOn: ["a"], input: { x: { $ref: "/steps/a/output" } } }),
    ]);

    expect(found(value)).toEqual(["SHAPE_INVALID /steps/0/key"]);
  });

  test("are at most 100", () => {
    const steps = Array.from({ length: 100 }, (_, n) => echo(`s${n}`, { timeoutSeconds: 0, dependsOn: ["nobody"] }));

    expect(found(definition(steps))).toHaveLength(100);
  });
});
