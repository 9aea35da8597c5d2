import { describe, expect, test } from "vitest";
import { HasuraError } from "../../src/hasura-error.ts";
import { fault, json, node, plain, run } from "./world.ts";

describe("the answer", () => {
  test("follows the selection: aliases, order, null for absent fields, surplus keys dropped", async () => {
    const selection = node(
      plain("name"),
      plain("id", "b"),
      { alias: "t", kind: "typename", value: "Node" },
      plain("next", "next", node(plain("id"))),
    );

    const { jsonText } = await run({
      answer: json({ id: 1, extra: true, next: { id: 2, extra: 1 } }),
      call: { selection },
    });

    expect(jsonText).toBe('{"name":null,"b":1,"t":"Node","next":{"id":2}}');
  });

  test("keeps digits and arbitrary JSON of PG scalars", async () => {
    const { jsonText } = await run({
      answer: { body: '{"id":12345678901234567890,"any":{"b":1.10,"a":[]}}' },
      call: { selection: node(plain("id"), plain("any")) },
    });

    expect(jsonText).toBe('{"id":12345678901234567890,"any":{"b":1.10,"a":[]}}');
  });

  test.each([
    ["String!", "text", '"text"'],
    ["[String]!", ["a", null], '["a",null]'],
    ["[[Int!]]", [[1], null], "[[1],null]"],
    ["Custom!", { any: 1 }, '{"any":1}'],
    ["jsonb", [1], "[1]"],
    ["Size!", "SMALL", '"SMALL"'],
    ["ID!", 7, "7"],
    ["Node", null, "null"],
    ["Boolean", false, "false"],
    ["Float", 1.5, "1.5"],
  ])("of type %s may be %j", async (outputType, value, expected) => {
    const { jsonText } = await run({ answer: json(value), action: { outputType }, call: { selection: undefined } });

    expect(jsonText).toBe(expected);
  });

  test("hands Set-Cookie back", async () => {
    const { setCookie } = await run({ answer: { headers: { "set-cookie": ["a=1", "b=2"] }, body: '{"id":1}' } });

    expect(setCookie).toEqual(["a=1", "b=2"]);
  });

  test.each([
    ["Node!", null, "got null for the action webhook response"],
    ["[Node!]", [null], "got null for the action webhook response"],
    ["Node", {}, 'field "id" expected in webhook response, but not found'],
    ["Node", { id: null }, 'expecting not null value for field "id"'],
    ["Node", { id: 1, next: { id: null } }, 'expecting not null value for field "id"'],
    ["Node", { id: 1, nodes: [{}] }, 'field "id" expected in webhook response, but not found'],
    ["Node", { id: 1, grid: [[1], [null]] }, "got null for the action webhook response"],
    ["Node", { id: 1, grid: [1] }, "expecting array for the action webhook response"],
    ["Node", [], "got array for the action webhook response, expecting Node"],
    ["String", {}, "got object for the action webhook response, expecting String"],
    ["Node", "text", "got scalar String for the action webhook response, expecting Node"],
    ["Node", 1, "got scalar String for the action webhook response, expecting Node"],
    ["Int", "1", "got scalar String for the action webhook response, expecting Int"],
    ["Node", { id: "1" }, "got scalar String for the action webhook response, expecting Int"],
    ["Size", "HUGE", "got scalar String for the action webhook response, expecting Size"],
    ["[Node]", { id: 1 }, "expecting array for the action webhook response"],
    ["[[Custom!]]!", [{ a: 1 }], "expecting array for the action webhook response"],
  ])("of type %s may not be %j", async (outputType, value, message) => {
    const error = await fault({ answer: json(value), action: { outputType }, call: { selection: undefined } });

    expect(error).toBeInstanceOf(HasuraError);
    expect(error).toMatchObject({
      code: "unexpected",
      message,
      path: "$",
      internal: {
        error: "unexpected response",
        response: { status: 200 },
        request: { url: "{{HOOKS}}/handler" },
      },
    });
  });
});
