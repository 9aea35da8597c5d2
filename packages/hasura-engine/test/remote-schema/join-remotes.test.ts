import { buildSchema } from "graphql";
import { afterEach, expect, test } from "vitest";
import type { Column, RemoteArgument, RemoteSchema } from "../../src/model/model.ts";
import { TRUE } from "../../src/model/permissions/expression.ts";
import { targetOfMutation } from "../../src/plan/join-rows.ts";
import type { RemoteField, RemoteJoin, RemoteValue, RowSelection } from "../../src/plan/plan.ts";
import { joinRemotes } from "../../src/remote-schema/join-remotes.ts";
import { type Outside, startUpstream } from "../outside.ts";
import { column, context, field, fields, number, object, remoteSchema, table } from "./fixtures.ts";

const schema = buildSchema(`
  enum Size { SMALL LARGE }
  input Where { id: Int size: Size tag: String }
  type Item { id: Int name: String sub(text: String): Item parts: [Item] }
  type Query { item(id: Int!): Item items(where: Where, extra: Int): [Item] }
`);
type Args = { id: number; where?: unknown; extra?: number };
const item = (id: number) => ({
  id,
  name: `item ${id}`,
  sub: ({ text }: { text?: string }) => ({ id, name: text }),
  parts: () => [{ name: "p1" }, { name: "p2" }],
});
const rootValue = {
  item: ({ id }: Args) => (id === 404 ? null : item(id)),
  items: (args: Args) => [{ name: JSON.stringify(args) }],
};

const open: Outside[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const id = column("id");
const size = column("size");
const things = table("things", [id, size]);

async function upstream(roles: Record<string, string> = {}): Promise<{ remote: RemoteSchema; server: Outside }> {
  const server = await startUpstream(schema, rootValue);
  open.push(server);
  return { server, remote: remoteSchema(server.url, schema, roles) };
}

type Step = { field: string; args: Record<string, RemoteArgument> };
const fromColumn = (source: Column): RemoteArgument => ({ kind: "column", column: source });

function join(
  remote: RemoteSchema,
  steps: readonly Step[],
  options: {
    lhs?: readonly Column[];
    parentType?: string;
    args?: Record<string, RemoteValue>;
    selection?: readonly RemoteField[];
  } = {},
): RemoteJoin {
  const lhsColumns = options.lhs ?? [id];
  const path = steps.map((step) => ({ field: step.field, arguments: new Map(Object.entries(step.args)) }));
  return {
    remote,
    relationship: { name: "rel", remoteSchema: remote.name, lhsColumns, path },
    arguments: new Map(Object.entries(options.args ?? {})),
    selection: options.selection === undefined ? undefined : fields(options.selection),
    parentType: options.parentType ?? "Query",
  };
}

function rows(one: RemoteJoin): RowSelection {
  return {
    table: things,
    fields: [
      { alias: "id", field: "id", kind: "column", column: id, jsonPath: undefined },
      { alias: "rel", field: "rel", kind: "remote", join: one },
    ],
  };
}

const name = field("Item", "name");

async function joined(one: RemoteJoin, text: string, role = "admin"): Promise<unknown> {
  return JSON.parse(await joinRemotes({ kind: "rows", rows: rows(one) }, text, context(role, { "x-hasura-tag": "t" })));
}

test("equal arguments are asked once, in one request for all rows", async () => {
  const { remote, server } = await upstream();
  const one = join(remote, [{ field: "item", args: { id: fromColumn(id) } }], { selection: [name] });

  const answer = await joined(one, '[{"id":1,"rel":[1]},{"id":2,"rel":[2]},{"id":1,"rel":[1]},{"id":404,"rel":[404]}]');

  expect(answer).toEqual([
    { id: 1, rel: { name: "item 1" } },
    { id: 2, rel: { name: "item 2" } },
    { id: 1, rel: { name: "item 1" } },
    { id: 404, rel: null },
  ]);
  expect(server.calls()).toHaveLength(1);
  expect(server.calls()[0]?.body.match(/item\(/g)).toHaveLength(3);
});

test("a null join value gives null without a call", async () => {
  const { remote, server } = await upstream();
  const one = join(remote, [{ field: "item", args: { id: fromColumn(id) } }], { selection: [name] });

  expect(await joined(one, '[{"id":null,"rel":[null]}]')).toEqual([{ id: null, rel: null }]);
  expect(server.calls()).toHaveLength(0);
});

test("constants alone are asked once for all rows", async () => {
  const { remote, server } = await upstream();
  const one = join(remote, [{ field: "item", args: { id: { kind: "constant", value: 9 } } }], {
    lhs: [],
    selection: [name],
  });

  expect(await joined(one, '[{"id":1,"rel":[]},{"id":2,"rel":[]}]')).toEqual([
    { id: 1, rel: { name: "item 9" } },
    { id: 2, rel: { name: "item 9" } },
  ]);
  expect(server.calls()[0]?.body.match(/item\(/g)).toHaveLength(1);
});

test("a path of several fields ends at the innermost, through lists too", async () => {
  const { remote } = await upstream();
  const first: Step = { field: "item", args: { id: fromColumn(id) } };
  const nested = join(
    remote,
    [first, { field: "sub", args: { text: { kind: "constant", value: "deep" } } }, { field: "name", args: {} }],
    { parentType: "Item" },
  );
  const list = join(remote, [first, { field: "parts", args: {} }, { field: "name", args: {} }], { parentType: "Item" });

  expect(await joined(nested, '[{"id":1,"rel":[1]}]')).toEqual([{ id: 1, rel: "deep" }]);
  expect(await joined(list, '[{"id":1,"rel":[1]}]')).toEqual([{ id: 1, rel: ["p1", "p2"] }]);
});

test("joined values stand inside what the caller gave, with presets beside them", async () => {
  const role =
    'enum Size { SMALL LARGE } input Where { id: Int size: Size tag: String @preset(value: "x-hasura-tag") } type Item { name: String } type Query { items(where: Where, extra: Int @preset(value: 3)): [Item] }';
  const { remote } = await upstream({ viewer: role });
  const where: RemoteArgument = { kind: "object", fields: new Map([["size", fromColumn(size)]]) };
  const one = join(remote, [{ field: "items", args: { where } }], {
    lhs: [id, size],
    args: { where: object({ id: number(5) }) },
    selection: [name],
  });

  const answer = await joined(one, '[{"id":1,"rel":[1,"LARGE"]}]', "viewer");

  expect(answer).toEqual([{ id: 1, rel: [{ name: '{"where":{"id":5,"size":"LARGE","tag":"t"},"extra":3}' }] }]);
});

test("a preset does not replace a joined value", async () => {
  const role =
    "input Where { id: Int @preset(value: 1) } type Item { name: String } type Query { items(where: Where @preset(value: {id: 2})): [Item] }";
  const { remote } = await upstream({ viewer: role });
  const where: RemoteArgument = { kind: "object", fields: new Map([["id", fromColumn(id)]]) };
  const one = join(remote, [{ field: "items", args: { where } }], { selection: [name] });

  expect(await joined(one, '{"id":7,"rel":[7]}', "viewer")).toEqual({ id: 7, rel: [{ name: '{"where":{"id":7}}' }] });
});

test("stringified numbers of join columns are numbers again", async () => {
  const { remote } = await upstream();
  const one = join(remote, [{ field: "item", args: { id: fromColumn(id) } }], { selection: [name] });

  expect(await joined(one, '[{"id":"1","rel":["1"]}]')).toEqual([{ id: "1", rel: { name: "item 1" } }]);
});

test("joins are found below relationships, aggregates and returning, and digits around them stay", async () => {
  const { remote } = await upstream();
  const below = rows(join(remote, [{ field: "item", args: { id: fromColumn(id) } }], { selection: [name] }));
  const source = {
    table: things,
    where: TRUE,
    distinctOn: [],
    orderBy: [],
    limit: undefined,
    offset: undefined,
    permissionLimit: undefined,
  };
  const relationship = {
    name: "r",
    kind: "array",
    target: "public.things",
    columns: [],
    required: false,
    insertion: "after-parent",
    comment: undefined,
  } as const;
  const outer: RowSelection = {
    table: things,
    fields: [
      { alias: "one", field: "one", kind: "object", relationship, filter: TRUE, rows: below },
      { alias: "many", field: "many", kind: "array", relationship, select: { ...source, rows: below } },
      {
        alias: "sum",
        field: "sum",
        kind: "aggregate",
        relationship,
        select: { ...source, fields: [{ alias: "nodes", field: "nodes", kind: "nodes", rows: below }] },
      },
    ],
  };
  const target = targetOfMutation({
    kind: "delete",
    table: things,
    where: TRUE,
    output: [{ alias: "back", kind: "returning", rows: outer }],
  });

  const answer = await joinRemotes(
    target,
    '{"n":12345678901234567890,"back":[{"one":{"rel":[1]},"many":[{"rel":[2]}],"sum":{"nodes":[{"rel":[3]}]}},{"one":null,"many":[],"sum":{"nodes":[]}}]}',
    context("admin"),
  );

  expect(answer).toBe(
    '{"n":12345678901234567890,"back":[{"one":{"rel":{"name":"item 1"}},"many":[{"rel":{"name":"item 2"}}],"sum":{"nodes":[{"rel":{"name":"item 3"}}]}},{"one":null,"many":[],"sum":{"nodes":[]}}]}',
  );
});
