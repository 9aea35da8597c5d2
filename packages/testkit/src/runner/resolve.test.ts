import { describe, expect, test } from "vitest";
import { holds, RefUnresolvedError, resolveValue } from "./resolve.ts";

const scope = {
  input: { orderId: "o-1", total: 1_200, none: null, "a/b": { "c~d": 7 }, items: ["x", "y"] },
  steps: { fetch: { output: { body: { name: "repo" }, list: [{ id: 1 }, { id: 2 }] } } },
  trigger: { type: "WEBHOOK", headers: { "user-agent": "test" } },
  run: { id: "r-1" },
};

describe("a value", () => {
  test.for<[string, unknown, unknown]>([
    ["a pointer", { $ref: "/input/orderId" }, "o-1"],
    ["a pointer to the whole input", { $ref: "/input" }, scope.input],
    ["a pointer into a step's output", { $ref: "/steps/fetch/output/body/name" }, "repo"],
    ["a pointer into a list", { $ref: "/steps/fetch/output/list/1/id" }, 2],
    ["a pointer with escaped segments", { $ref: "/input/a~1b/c~0d" }, 7],
    ["a pointer to null", { $ref: "/input/none", default: "d" }, null],
    ["a pointer that leads nowhere, with a default", { $ref: "/input/nothing", default: 5 }, 5],
    ["a default that is a pointer itself", { $ref: "/input/nothing", default: { $ref: "/run/id" } }, "r-1"],
    ["texts joined", { $text: ["Order ", { $ref: "/input/orderId" }, "!"] }, "Order o-1!"],
    ["a text of null, numbers, booleans and objects", { $text: [null, 1.5, true, { a: [1] }] }, '1.5true{"a":[1]}'],
    ["a text of nothing", { $text: [] }, ""],
    ["a literal with an operator in it", { $literal: { $ref: "/input" } }, { $ref: "/input" }],
    ["operators deep inside", { a: [{ b: { $ref: "/run/id" } }] }, { a: [{ b: "r-1" }] }],
    ["plain data", { a: 1, b: [null, "x"] }, { a: 1, b: [null, "x"] }],
  ])("resolves %s", ([, value, expected]) => {
    expect(resolveValue(value, scope)).toEqual(expected);
  });

  test.for([
    "/input/nothing",
    "/input/orderId/0",
    "/input/items/2",
    "/input/items/01",
    "/input/items/-",
    "/input/items/length",
    "/input/toString",
    "/input/__proto__",
    "/steps/other/output",
    "/constructor",
  ])("does not resolve %s, which leads nowhere", (pointer) => {
    expect(() => resolveValue({ $ref: pointer }, scope)).toThrow(RefUnresolvedError);
  });

  test("keeps a member that is called __proto__ as a member", () => {
    const value = JSON.parse('{"__proto__": {"polluted": {"$ref": "/run/id"}}}');

    const resolved = resolveValue(value, scope);

    expect(JSON.stringify(resolved)).toBe('{"__proto__":{"polluted":"r-1"}}');
    expect(Object.getPrototypeOf(resolved)).toBe(Object.prototype);
  });
});

describe("a condition", () => {
  test("that is absent holds", () => {
    expect([holds(null, scope), holds(undefined, scope)]).toEqual([true, true]);
  });

  const total = { $ref: "/input/total" };
  test.for<[unknown, boolean]>([
    [{ op: "EXISTS", left: total }, true],
    [{ op: "EXISTS", left: { $ref: "/input/none" } }, false],
    [{ op: "EXISTS", left: { $ref: "/input/nothing" } }, false],
    [{ op: "EXISTS", left: { $ref: "/input/nothing", default: 1 } }, true],
    [{ op: "EQ", left: { a: 1, b: [2] }, right: { b: [2], a: 1 } }, true],
    [{ op: "EQ", left: 1, right: "1" }, false],
    [{ op: "EQ", left: [1, 2], right: [2, 1] }, false],
    [{ op: "EQ", left: {}, right: [] }, false],
    [{ op: "EQ", left: null, right: false }, false],
    [{ op: "NE", left: total, right: 1_200 }, false],
    [{ op: "NE", left: { a: null }, right: {} }, true],
    [{ op: "GT", left: total, right: 1_200 }, false],
    [{ op: "GTE", left: total, right: 1_200 }, true],
    [{ op: "LT", left: "a", right: "b" }, true],
    [{ op: "LTE", left: "b", right: "b" }, true],
    [{ op: "LTE", left: "b", right: "a" }, false],
    [{ op: "GT", left: 2, right: "1" }, false],
    [{ op: "LT", left: true, right: 2 }, false],
    [{ op: "GTE", left: null, right: null }, false],
    [{ op: "IN", left: "y", right: { $ref: "/input/items" } }, true],
    [{ op: "IN", left: { id: 1 }, right: { $ref: "/steps/fetch/output/list" } }, true],
    [{ op: "IN", left: "z", right: { $ref: "/input/items" } }, false],
    [{ op: "IN", left: "x", right: "xyz" }, false],
  ])("%j is %s", ([condition, expected]) => {
    expect(holds(condition, scope)).toBe(expected);
  });

  test("that points nowhere fails the step, unless it asks for existence", () => {
    const condition = { op: "EQ", left: { $ref: "/input/nothing" }, right: 1 };

    expect(() => holds(condition, scope)).toThrow(RefUnresolvedError);
  });
});
