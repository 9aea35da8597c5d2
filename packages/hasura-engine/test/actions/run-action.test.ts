import { afterEach, describe, expect, test } from "vitest";
import { type ActionDeps, runAction } from "../../src/actions/run-action.ts";
import type { ActionRelationship, KeyTuple } from "../../src/actions/shape-output.ts";
import { HasuraError, PassedThroughErrors } from "../../src/hasura-error.ts";
import type { Json } from "../../src/json/exact-json.ts";
import type { Action, CustomObject, CustomTypes } from "../../src/model/model.ts";
import { TRUE } from "../../src/permissions/expression.ts";
import type { ActionCall, ActionField, ActionSelection } from "../../src/request/plan.ts";
import type { RequestContext } from "../../src/session/session.ts";
import { type Outside, type OutsideAnswer, startOutside } from "../outside.ts";
import { column, context, table } from "../remote-schema/fixtures.ts";

const open: Outside[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

function customObject(name: string, fields: Record<string, string>): CustomObject {
  return {
    name,
    description: undefined,
    relationships: [],
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type, description: undefined })),
  };
}

const types: CustomTypes = {
  enums: new Map([["Size", { description: undefined, values: [{ value: "SMALL", description: undefined }] }]]),
  inputObjects: new Map(),
  objects: new Map([
    [
      "Node",
      customObject("Node", {
        id: "Int!",
        name: "String",
        size: "Size",
        next: "Node",
        nodes: "[Node!]",
        grid: "[[Int!]!]",
        key: "ID",
        any: "jsonb",
      }),
    ],
  ]),
  scalars: new Map([["Custom", { description: undefined }]]),
  pgScalars: new Set(["jsonb"]),
};

function action(url: string, more: Partial<Action> = {}): Action {
  return {
    name: "doIt",
    operation: "mutation",
    comment: undefined,
    arguments: [],
    outputType: "Node",
    url,
    headers: [],
    forwardClientHeaders: false,
    ignoredClientHeaders: undefined,
    timeoutSeconds: 5,
    roles: new Set(),
    ...more,
  };
}

const plain = (name: string, alias = name, selection?: ActionSelection): ActionField => ({
  alias,
  kind: "field",
  name,
  selection,
});
const node = (...fields: ActionField[]): ActionSelection => ({ typeName: "Node", fields });

function deps(
  fetchRelated: ActionDeps["fetchRelated"] = async () => [],
  configuredHeaderPrecedence = false,
): ActionDeps {
  return { customTypes: types, settings: { configuredHeaderPrecedence }, fetchRelated };
}

type Case = {
  answer: OutsideAnswer | (() => Promise<OutsideAnswer>);
  action?: Partial<Action>;
  call?: Partial<ActionCall>;
  as?: RequestContext;
  deps?: ActionDeps;
};

async function run({ answer, action: settings, call, as = context("admin"), deps: given = deps() }: Case) {
  const server = await startOutside(() => (typeof answer === "function" ? answer() : answer));
  open.push(server);
  const full: ActionCall = {
    action: action(`${server.url}/handler`, settings),
    input: new Map(),
    selection: node(plain("id")),
    requestQuery: "mutation { doIt { id } }",
    ...call,
  };
  const result = await runAction(full, as, given);
  return { ...result, data: JSON.parse(result.jsonText), request: server.calls()[0] };
}

async function fault(one: Case): Promise<unknown> {
  return run(one).catch((error: unknown) => error);
}

const json = (value: unknown, status = 200): OutsideAnswer => ({ status, body: JSON.stringify(value) });

describe("the request", () => {
  test("carries name, input, session variables and the document", async () => {
    const input = new Map<string, Json>([
      ["id", { number: "12345678901234567890" }],
      ["name", "n"],
      ["list", [{ number: "1" }, new Map([["deep", null]])]],
    ]);

    const { request } = await run({
      answer: json({ id: 1 }),
      call: { input },
      as: context("builder", { "x-hasura-user-id": "u" }),
    });

    expect(request?.path).toBe("/handler");
    expect(request?.body).toBe(
      '{"action":{"name":"doIt"},"input":{"id":12345678901234567890,"name":"n","list":[1,{"deep":null}]},"session_variables":{"x-hasura-role":"builder","x-hasura-user-id":"u"},"request_query":"mutation { doIt { id } }"}',
    );
    expect(request?.headers["content-type"]).toBe("application/json");
    expect(request?.headers["user-agent"]).toMatch(/^hasura-graphql-engine\/v/);
  });

  const clientHeaders = {
    "x-secret": "client",
    "x-hasura-role": "owner",
    authorization: "Bearer t",
    host: "front.example",
    origin: "https://front.example",
    "user-agent": "browser",
    "content-length": "5",
    accept: "text/html",
  };
  const headers = [
    { name: "X-Secret", value: "configured" },
    { name: "Content-Type", value: "text/plain" },
  ];

  test("keeps client headers to itself by default", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers).toMatchObject({ "x-secret": "configured", "content-type": "application/json" });
    expect(request?.headers.authorization).toBeUndefined();
  });

  test("forwards client headers, which win over configured ones", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers, forwardClientHeaders: true },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers).toMatchObject({
      "x-secret": "client",
      authorization: "Bearer t",
      "x-forwarded-host": "front.example",
      "x-forwarded-origin": "https://front.example",
      "x-forwarded-user-agent": "browser",
      "content-type": "application/json",
    });
    expect(request?.headers["x-hasura-role"]).toBeUndefined();
    expect(request?.headers.origin).toBeUndefined();
    expect(request?.headers.accept).not.toBe("text/html");
  });

  test("lets configured headers win where the setting says so", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers, forwardClientHeaders: true },
      as: context("builder", {}, clientHeaders),
      deps: deps(undefined, true),
    });

    expect(request?.headers["x-secret"]).toBe("configured");
  });

  test("what belongs to the client's own connection never goes on, whatever is ignored", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { forwardClientHeaders: true, ignoredClientHeaders: [] },
      as: context(
        "builder",
        {},
        { "accept-encoding": "gzip", connection: "upgrade", upgrade: "h2c", accept: "text/html" },
      ),
    });

    expect(request?.headers).toMatchObject({ accept: "text/html" });
    expect(request?.headers).not.toHaveProperty("accept-encoding");
    expect(request?.headers.connection).not.toBe("upgrade");
  });

  test("an own list of ignored headers replaces the default", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { forwardClientHeaders: true, ignoredClientHeaders: ["Authorization"] },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.headers.accept).toBe("text/html");
  });
});

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
        response: { status: 200, body: value },
        request: { body: { action: { name: "doIt" } } },
      },
    });
  });
});

describe("refusals and faults", () => {
  test.each([
    [{ message: "no", extensions: { foo: "bar" } }, { foo: "bar" }],
    [
      { message: "no", code: "outer", extensions: { foo: "bar", code: "inner" } },
      { foo: "bar", code: "inner" },
    ],
    [
      { message: "no", code: "mine" },
      { path: "$", code: "mine" },
    ],
    [{ message: "no" }, { path: "$", code: "unexpected" }],
  ])("4xx with %j is the client's error", async (body, extensions) => {
    const error = await fault({ answer: { ...json(body, 400), headers: { "set-cookie": "a=1" } } });

    expect(error).toBeInstanceOf(PassedThroughErrors);
    expect(error).toMatchObject({ errors: [{ message: "no", extensions }], setCookie: ["a=1"] });
  });

  test.each([{}, { message: 1 }, [], "text"])("4xx with %j does not parse", async (body) => {
    expect(await fault({ answer: json(body, 422) })).toMatchObject({ code: "parse-failed" });
  });

  test.each([301, 500, 503])("status %i is an internal error", async (status) => {
    expect(await fault({ answer: json({ message: "secret" }, status) })).toMatchObject({
      code: "unexpected",
      message: "internal error",
      internal: { error: `expecting 2xx or 4xx status code, but found ${status}` },
    });
  });

  test.each<OutsideAnswer>([{ body: "<html>" }, { status: 204, body: "" }])("%j is no JSON", async (answer) => {
    expect(await fault({ answer })).toMatchObject({
      code: "unexpected",
      message: "not a valid json response from webhook",
    });
  });

  test("a late answer and a missing handler are http exceptions", async () => {
    const late = await fault({ answer: () => new Promise(() => undefined), action: { timeoutSeconds: 0.05 } });
    const gone = await fault({ answer: json({}), action: { url: "http://127.0.0.1:1/handler" } });

    expect(late).toMatchObject({ code: "unexpected", message: "http exception when calling webhook" });
    expect(gone).toMatchObject({ code: "unexpected", message: "http exception when calling webhook" });
  });

  test("header values never stand in the error's details", async () => {
    const error = await fault({
      answer: json([]),
      action: { headers: [{ name: "x-action-secret", value: "top-secret" }] },
    });

    expect(JSON.stringify(error)).not.toContain("top-secret");
    expect(error).toMatchObject({ internal: { request: { url: expect.stringContaining("/handler") } } });
  });
});

describe("relationships", () => {
  const users = table("users", [column("id")]);
  const mapping = [{ field: "key", column: column("id") }];
  const source = {
    table: users,
    where: TRUE,
    distinctOn: [],
    orderBy: [],
    limit: undefined,
    offset: undefined,
    permissionLimit: undefined,
  };
  const owner: ActionField = {
    alias: "who",
    kind: "object",
    name: "owner",
    mapping,
    target: users,
    filter: TRUE,
    rows: { table: users, fields: [] },
  };
  const many: ActionField = {
    alias: "many",
    kind: "array",
    name: "users",
    mapping,
    select: { ...source, rows: { table: users, fields: [] } },
  };
  const sum: ActionField = {
    alias: "sum",
    kind: "aggregate",
    name: "users_aggregate",
    mapping,
    select: { ...source, fields: [] },
  };

  test("are fetched once per relationship for all objects, by fields that need not be selected", async () => {
    const asked: [string, readonly KeyTuple[]][] = [];
    const related: ActionDeps["fetchRelated"] = async (relationship: ActionRelationship, keys) => {
      asked.push([relationship.kind, keys]);
      return keys.map(([key]) =>
        relationship.kind === "object"
          ? key === null
            ? "null"
            : `{"id":${key}}`
          : relationship.kind === "array"
            ? `[${key}]`
            : `{"n":12345678901234567890}`,
      );
    };
    const selection = node(plain("id", "key"), owner, plain("nodes", "below", node(many, sum)));
    const value = [
      { id: 1, key: "7", nodes: [{ id: 3, key: 8 }, { id: 4 }] },
      { id: 2, key: "7", nodes: [] },
    ];

    const { jsonText } = await run({
      answer: json(value),
      action: { outputType: "[Node]" },
      call: { selection },
      deps: deps(related),
    });

    expect(asked).toEqual([
      ["object", [["7"]]],
      ["array", [["8"], [null]]],
      ["aggregate", [["8"], [null]]],
    ]);
    expect(jsonText).toBe(
      '[{"key":1,"who":{"id":7},"below":[{"many":[8],"sum":{"n":12345678901234567890}},{"many":[null],"sum":{"n":12345678901234567890}}]},{"key":2,"who":{"id":7},"below":[]}]',
    );
  });

  test("cost nothing where they are not selected", async () => {
    const related: ActionDeps["fetchRelated"] = async () => {
      throw new Error("not asked for");
    };

    await expect(run({ answer: json({ id: 1 }), deps: deps(related) })).resolves.toMatchObject({ data: { id: 1 } });
  });
});
