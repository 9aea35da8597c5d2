import { buildSchema } from "graphql";
import { afterEach, describe, expect, test } from "vitest";
import { HasuraError, PassedThroughError } from "../../src/hasura-error.ts";
import type { RemoteSchema } from "../../src/model/model.ts";
import type { RemoteField } from "../../src/plan/plan.ts";
import { introspectRemote } from "../../src/remote-schema/introspect-remote.ts";
import { runRemote } from "../../src/remote-schema/run-remote.ts";
import type { RequestContext } from "../../src/session/session.ts";
import { type Outside, type OutsideAnswer, startOutside, startUpstream } from "../outside.ts";
import { context, field, number, object, remoteSchema, string } from "./fixtures.ts";

const sdl = `
  scalar JSON
  enum Size { SMALL LARGE }
  input Where { id: Int name: String size: Size inner: Inner }
  input Inner { flag: Boolean weight: Float }
  type Item { id: Int name: String echo(text: String): String }
  type Query { echo(where: Where, id: Int, tags: [String], meta: JSON): String item(id: Int!): Item }
  type Mutation { touch(id: Int!): Int }
`;
const schema = buildSchema(sdl);
const rootValue = {
  echo: (args: unknown) => JSON.stringify(args),
  item: ({ id }: { id: number }) => ({
    id,
    name: `item ${id}`,
    echo: ({ text }: { text?: string }) => text ?? "nothing",
  }),
  touch: ({ id }: { id: number }) => id,
};

const open: Outside[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function upstream(
  roles: Record<string, string> = {},
  more: Partial<RemoteSchema> = {},
): Promise<{ remote: RemoteSchema; server: Outside }> {
  const server = await startUpstream(schema, rootValue);
  open.push(server);
  return { server, remote: remoteSchema(server.url, schema, roles, more) };
}

async function answering(
  answer: () => OutsideAnswer | Promise<OutsideAnswer>,
  more: Partial<RemoteSchema> = {},
): Promise<RemoteSchema> {
  const server = await startOutside(answer);
  open.push(server);
  return remoteSchema(server.url, schema, {}, more);
}

async function run(remote: RemoteSchema, nodes: readonly RemoteField[], as: RequestContext = context("admin")) {
  const answer = await runRemote(
    nodes.map((node) => ({ remote, operation: "query" as const, node })),
    as,
  );
  return Object.fromEntries([...answer].map(([alias, text]) => [alias, JSON.parse(text)]));
}

async function echoed(remote: RemoteSchema, args: Parameters<typeof field>[2], as?: RequestContext): Promise<unknown> {
  return JSON.parse((await run(remote, [field("Query", "echo", args)], as)).echo);
}

test("fields are forwarded in one request with aliases, arguments and selections", async () => {
  const { remote, server } = await upstream();
  const item = field("Query", "item", {
    alias: "it",
    args: { id: number(7) },
    selection: [
      field("Item", "name"),
      field("Item", "echo", { alias: "e", args: { text: string('a"b\n') } }),
      field("Item", "__typename"),
    ],
  });

  const answer = await run(remote, [item, field("Query", "echo", { args: { id: { kind: "null" } } })]);

  expect(answer).toEqual({ it: { name: "item 7", e: 'a"b\n', __typename: "Item" }, echo: '{"id":null}' });
  expect(server.calls()).toHaveLength(1);
});

test("mutations are forwarded as mutations", async () => {
  const { remote } = await upstream();

  const answer = await runRemote(
    [{ remote, operation: "mutation", node: field("Mutation", "touch", { args: { id: number(3) } }) }],
    context("admin"),
  );

  expect(answer.get("touch")).toBe("3");
});

test("big numbers keep their digits", async () => {
  const remote = await answering(() => ({ body: '{"data":{"echo":12345678901234567890.1230}}' }));

  const answer = await runRemote([{ remote, operation: "query", node: field("Query", "echo") }], context("admin"));

  expect(answer.get("echo")).toBe("12345678901234567890.1230");
});

test("values of custom scalars may have any keys", async () => {
  const { remote } = await upstream();

  const seen = await echoed(remote, {
    args: { meta: object({ "a-b": { kind: "list", items: [number(1), string("x")] } }) },
  });

  expect(seen).toEqual({ meta: { "a-b": [1, "x"] } });
});

describe("headers", () => {
  test("configured ones win over session variables, and forwarded client headers are weakest", async () => {
    const { remote, server } = await upstream(
      {},
      {
        forwardClientHeaders: true,
        headers: [
          { name: "X-Hasura-Kind", value: "configured" },
          { name: "X-Secret", value: "configured" },
        ],
      },
    );
    const as = context(
      "viewer",
      { "x-hasura-kind": "session", "x-hasura-tenant-id": "t1" },
      {
        "x-secret": "client",
        "x-own": "client",
        "x-hasura-kind": "client",
        host: "front.example",
        accept: "text/html",
      },
    );

    await run(remote, [field("Query", "echo")], as);

    expect(server.calls()[0]?.headers).toMatchObject({
      "x-hasura-kind": "configured",
      "x-hasura-tenant-id": "t1",
      "x-hasura-role": "viewer",
      "x-secret": "configured",
      "x-own": "client",
      "x-forwarded-host": "front.example",
      "content-type": "application/json",
    });
    expect(server.calls()[0]?.headers["user-agent"]).toMatch(/^hasura-graphql-engine\//);
    expect(server.calls()[0]?.headers.accept).not.toBe("text/html");
  });

  test("client headers stay here unless forwarding is on", async () => {
    const { remote, server } = await upstream();

    await run(remote, [field("Query", "echo")], context("viewer", {}, { authorization: "Bearer x" }));

    expect(server.calls()[0]?.headers.authorization).toBeUndefined();
  });
});

describe("presets", () => {
  const viewer = `
    enum Size { SMALL LARGE }
    input Inner { flag: Boolean @preset(value: "x-hasura-flag") weight: Float @preset(value: 1.5) }
    input Where { id: Int @preset(value: "x-hasura-id") name: String size: Size @preset(value: "x-hasura-size") inner: Inner }
    type Query { echo(where: Where, id: Int @preset(value: 9), tags: [String] @preset(value: ["a", "x-hasura-tag"])): String }
  `;
  const variables = { "x-hasura-id": "5", "x-hasura-size": "LARGE", "x-hasura-flag": "true", "x-hasura-tag": "t" };

  test("of arguments are always sent, those of input fields where the object is given", async () => {
    const { remote } = await upstream({ viewer });

    const without = await echoed(remote, {}, context("viewer", variables));
    const withObject = await echoed(
      remote,
      { args: { where: object({ name: string("n") }) } },
      context("viewer", variables),
    );

    expect(without).toEqual({ id: 9, tags: ["a", "t"] });
    expect(withObject).toEqual({
      id: 9,
      tags: ["a", "t"],
      where: { id: 5, name: "n", size: "LARGE", inner: { flag: true, weight: 1.5 } },
    });
  });

  test("an argument whose fields are all preset is always sent", async () => {
    const role =
      'input Where { id: Int @preset(value: 1) name: String @preset(value: "x-hasura-name") } type Query { echo(where: Where): String }';
    const { remote } = await upstream({ viewer: role });

    expect(await echoed(remote, {}, context("viewer", { "x-hasura-name": "n" }))).toEqual({
      where: { id: 1, name: "n" },
    });
  });

  test("an argument's own preset is sent as it is", async () => {
    const role =
      "input Where { id: Int @preset(value: 2) name: String } type Query { echo(where: Where @preset(value: {id: 1})): String }";
    const { remote } = await upstream({ viewer: role });

    expect(await echoed(remote, {}, context("viewer"))).toEqual({ where: { id: 1 } });
  });

  test("a static preset is no session variable", async () => {
    const { remote } = await upstream({
      viewer: 'type Query { echo(tags: [String] @preset(value: "x-hasura-a", static: true)): String }',
    });

    expect(await echoed(remote, {}, context("viewer"))).toEqual({ tags: ["x-hasura-a"] });
  });

  test("admin has none", async () => {
    const { remote } = await upstream({ viewer });

    expect(await echoed(remote, {})).toEqual({});
  });

  test.each([
    ["Int", "abc", '"abc" cannot be coerced into an Int value'],
    ["Float", "abc", '"abc" cannot be coerced into a Float value'],
    ["Boolean", "1", '"1" cannot be coerced into a Boolean value'],
  ])("a session variable that is no %s is refused", async (type, value, message) => {
    const typed = buildSchema(`type Query { f(a: ${type}): String }`);
    const remote = remoteSchema("http://127.0.0.1:1", typed, {
      viewer: `type Query { f(a: ${type} @preset(value: "x-hasura-a")): String }`,
    });

    await expect(run(remote, [field("Query", "f")], context("viewer", { "x-hasura-a": value }))).rejects.toMatchObject({
      code: "coercion-error",
      message,
      path: "$",
    });
  });

  test("a missing session variable is refused", async () => {
    const { remote } = await upstream({
      viewer: 'type Query { echo(id: Int @preset(value: "X-Hasura-User-Id")): String }',
    });

    await expect(run(remote, [field("Query", "echo")], context("viewer"))).rejects.toMatchObject({
      code: "not-found",
      message: '"x-hasura-user-id" session variable expected, but not found',
    });
  });
});

describe("faults", () => {
  test("errors go through untouched", async () => {
    const errors = [{ message: "no", extensions: { code: "MINE", deep: [1] } }];
    const remote = await answering(() => ({ body: JSON.stringify({ data: { echo: "x" }, errors }) }));

    const outcome = await run(remote, [field("Query", "echo")]).catch((error: unknown) => error);

    expect(outcome).toBeInstanceOf(PassedThroughError);
    expect(outcome).toMatchObject({ errors });
  });

  test("errors of an answer with another status go through as well", async () => {
    const remote = await answering(() => ({ status: 400, body: JSON.stringify({ errors: [{ message: "no" }] }) }));

    const outcome = await run(remote, [field("Query", "echo")]).catch((error: unknown) => error);

    expect(outcome).toMatchObject({ errors: [{ message: "no" }] });
  });

  test.each<[string, OutsideAnswer]>([
    ["a status other than 200", { status: 502, body: "{}" }],
    ["a redirect", { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" }],
    ["text that is not JSON", { body: "<html>" }],
    ["an answer without data", { body: "{}" }],
  ])("%s is a remote-schema-error", async (_name, answer) => {
    const remote = await answering(() => answer);

    await expect(run(remote, [field("Query", "echo")])).rejects.toMatchObject({
      code: "remote-schema-error",
      internal: { url: "{{UPSTREAM}}/graphql" },
    });
  });

  test("no connection and a late answer are remote-schema-errors", async () => {
    const late = await answering(() => new Promise(() => undefined), { timeoutSeconds: 0.05 });
    const gone = remoteSchema("http://127.0.0.1:1", schema);

    await expect(run(late, [field("Query", "echo")])).rejects.toMatchObject({ code: "remote-schema-error" });
    await expect(run(gone, [field("Query", "echo")])).rejects.toMatchObject({ code: "remote-schema-error" });
  });
});

describe("introspection", () => {
  test("reads the upstream's whole schema with the configured headers", async () => {
    const { server } = await upstream();

    const found = await introspectRemote({
      url: server.url,
      headers: [{ name: "x-key", value: "k" }],
      timeoutSeconds: 5,
    });

    expect(Object.keys(found.getQueryType()?.getFields() ?? {})).toEqual(["echo", "item"]);
    expect(found.getType("Size")).toBeDefined();
    expect(server.calls()[0]?.headers["x-key"]).toBe("k");
  });

  test.each<[string, OutsideAnswer, string]>([
    ["another status", { status: 401, body: "{}" }, "introspection was answered with status 401"],
    ["errors", { body: '{"errors":[{"message":"no"}]}' }, "the answer to the introspection query is not a schema"],
    ["no JSON", { body: "<html>" }, "the answer to the introspection query is not a schema"],
  ])("%s is a fault with a reason", async (_name, answer, message) => {
    const server = await startOutside(() => answer);
    open.push(server);

    const outcome = introspectRemote({ url: server.url, headers: [], timeoutSeconds: 5 });

    await expect(outcome).rejects.toBeInstanceOf(HasuraError);
    await expect(outcome).rejects.toMatchObject({ code: "remote-schema-error", message });
  });
});
