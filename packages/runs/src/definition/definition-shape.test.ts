import type { JsonValue } from "@control-plane/queue/json-value";
import { describe, expect, test } from "vitest";
import { namedIds, validateDefinition } from "./validate-definition.ts";

const ECHO = "00000000-0000-4000-8000-000000000001";
const facts = {
  actions: new Map([[ECHO, { published: true, appId: "core", authType: "NONE", inputSchema: {}, outputSchema: {} }]]),
  connections: new Map(),
};
type Sketch = { readonly [field: string]: JsonValue };
const echo = (key: string, changes: Sketch = {}): Sketch => ({ key, actionId: ECHO, ...changes });
const definition = (steps: readonly JsonValue[], changes: Sketch = {}): JsonValue => ({
  schemaVersion: 1,
  steps,
  ...changes,
});
const found = (value: unknown): string[] =>
  validateDefinition(value, facts).problems.map(({ code, pointer }) => `${code} ${pointer}`);

describe("SHAPE_INVALID is", () => {
  test.for<[string, JsonValue, string]>([
    ["a definition that is no object", [], ""],
    ["another schemaVersion", definition([echo("a")], { schemaVersion: 2 }), "/schemaVersion"],
    ["a missing schemaVersion", { steps: [echo("a")] }, "/schemaVersion"],
    ["missing steps", { schemaVersion: 1 }, "/steps"],
    ["no step", definition([]), "/steps"],
    ["an unknown field", definition([echo("a")], { extra: 1 }), "/extra"],
    ["an unknown field whose name needs escaping", definition([echo("a", { "a/b~": 1 })]), "/steps/0/a~1b~0"],
    ["a timeout that is too short", definition([echo("a")], { timeoutSeconds: 9 }), "/timeoutSeconds"],
    ["a timeout that is too long", definition([echo("a")], { timeoutSeconds: 86_401 }), "/timeoutSeconds"],
    ["a timeout that is no integer", definition([echo("a")], { timeoutSeconds: 10.5 }), "/timeoutSeconds"],
    ["no attempt", definition([echo("a")], { retry: { maxAttempts: 0 } }), "/retry/maxAttempts"],
    ["eleven attempts", definition([echo("a")], { retry: { maxAttempts: 11 } }), "/retry/maxAttempts"],
    [
      "a first delay of nothing",
      definition([echo("a")], { retry: { initialDelaySeconds: 0 } }),
      "/retry/initialDelaySeconds",
    ],
    [
      "a first delay beyond an hour",
      definition([echo("a")], { retry: { initialDelaySeconds: 3_601 } }),
      "/retry/initialDelaySeconds",
    ],
    ["a shrinking factor", definition([echo("a")], { retry: { factor: 0.5 } }), "/retry/factor"],
    ["a factor beyond 10", definition([echo("a")], { retry: { factor: 10.5 } }), "/retry/factor"],
    ["a delay beyond a day", definition([echo("a")], { retry: { maxDelaySeconds: 86_401 } }), "/retry/maxDelaySeconds"],
    ["an unknown field of retry", definition([echo("a")], { retry: { jitter: 1 } }), "/retry/jitter"],
    ["a step that is no object", definition(["a"]), "/steps/0"],
    ["a step without a key", definition([{ actionId: ECHO }]), "/steps/0/key"],
    ["a key with capitals", definition([echo("A")]), "/steps/0/key"],
    ["a key of 64 characters", definition([echo("a".repeat(64))]), "/steps/0/key"],
    ["a key that begins with a digit", definition([echo("1a")]), "/steps/0/key"],
    ["an actionId that is no id", definition([{ key: "a", actionId: "core.echo" }]), "/steps/0/actionId"],
    ["a missing actionId", definition([{ key: "a" }]), "/steps/0/actionId"],
    ["a name of 121 characters", definition([echo("a", { name: "n".repeat(121) })]), "/steps/0/name"],
    ["a connectionId that is no id", definition([echo("a", { connectionId: 5 })]), "/steps/0/connectionId"],
    ["dependsOn that is no list", definition([echo("a", { dependsOn: "b" })]), "/steps/0/dependsOn"],
    ["input that is a list", definition([echo("a", { input: [] })]), "/steps/0/input"],
    ["input that is null", definition([echo("a", { input: null })]), "/steps/0/input"],
    ["an unknown operator", definition([echo("a", { when: { op: "LIKE", left: 1, right: 2 } })]), "/steps/0/when/op"],
    [
      "a condition without its right side",
      definition([echo("a", { when: { op: "EQ", left: 1 } })]),
      "/steps/0/when/right",
    ],
    [
      "EXISTS with a right side",
      definition([echo("a", { when: { op: "EXISTS", left: 1, right: 2 } })]),
      "/steps/0/when/right",
    ],
    ["a step timeout of nothing", definition([echo("a", { timeoutSeconds: 0 })]), "/steps/0/timeoutSeconds"],
    ["a step timeout beyond an hour", definition([echo("a", { timeoutSeconds: 3_601 })]), "/steps/0/timeoutSeconds"],
    ["an unknown field of a step", definition([echo("a", { loop: true })]), "/steps/0/loop"],
  ])("%s", ([, value, pointer]) => {
    expect(found(value)).toEqual([`SHAPE_INVALID ${pointer}`]);
  });
});

test("the ids a definition names are found in what can be read of it", () => {
  const other = "00000000-0000-4000-8000-000000000002";
  const connection = "00000000-0000-4000-8000-000000000003";
  const steps = [
    echo("a"),
    echo("b"),
    { key: "Bad", actionId: other, connectionId: connection },
    { connectionId: "x" },
    5,
  ];

  expect(namedIds(definition(steps, { extra: 1 }))).toEqual({ actionIds: [ECHO, other], connectionIds: [connection] });
  expect(namedIds(null)).toEqual({ actionIds: [], connectionIds: [] });
  expect(namedIds(() => 1)).toEqual({ actionIds: [], connectionIds: [] });
});
