import { buildSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AskedEngine, startAskedEngine } from "../asked-engine.ts";
import { type Outside, startUpstream } from "../outside.ts";

/** Messages by id and name; what the upstream was asked can be read from its calls. */
const MESSAGES = [
  { id: 1, name: "ann", text: "one" },
  { id: 2, name: "bob", text: "two" },
  { id: 3, name: "ann", text: "three" },
];
const upstreamSdl = `
  input IntFilter { eq: Int gt: Int }
  input TextFilter { eq: String }
  input MessageFilter { id: IntFilter name: TextFilter }
  input Names { names: [String!] ids: [Int!] }
  type Message { id: Int! name: String! text: String! replies(first: Int!): [Message!] }
  type Query {
    hello: String
    message(id: Int!): Message
    messages(where: MessageFilter, among: Names): [Message!]
    threads: [Message!]
  }
`;

type Where = { id?: { eq?: number; gt?: number }; name?: { eq?: string } };
type Among = { names?: string[]; ids?: number[] };

function messages({ where, among }: { where?: Where; among?: Among }) {
  return MESSAGES.filter(
    ({ id, name }) =>
      (where?.id?.eq === undefined || id === where.id.eq) &&
      (where?.id?.gt === undefined || id > where.id.gt) &&
      (where?.name?.eq === undefined || name === where.name.eq) &&
      (among?.names === undefined || among.names.includes(name)) &&
      (among?.ids === undefined || among.ids.includes(id)),
  );
}

let upstream: Outside;
let world: AskedEngine;

const toUp = (name: string, lhs_fields: readonly string[], remote_field: object) => ({
  name,
  definition: { to_remote_schema: { remote_schema: "up", lhs_fields, remote_field } },
});
const reads = (role: string, columns: readonly string[]) => ({ role, permission: { columns, filter: {} } });
const sees = (role: string, schema: string) => ({ role, definition: { schema } });

const whole = upstreamSdl;
const filters = "input IntFilter { eq: Int gt: Int } input TextFilter { eq: String }";
const message = "type Message { id: Int! }";

beforeAll(async () => {
  upstream = await startUpstream(buildSchema(upstreamSdl), {
    hello: () => "world",
    message: ({ id }: { id: number }) => MESSAGES.find((row) => row.id === id) ?? null,
    messages,
    threads: () =>
      MESSAGES.slice(0, 2).map((row) => ({
        ...row,
        replies: ({ first }: { first: number }) => MESSAGES.slice(0, first),
      })),
  });
  world = await startAskedEngine({
    sql: "create table people (id int primary key, name text); insert into people values (1, 'ann'), (2, null);",
    tables: [
      {
        table: "people",
        select_permissions: ["reader", "narrow", "keyless", "preset"]
          .map((role) => reads(role, ["id", "name"]))
          .concat(reads("nameless", ["id"])),
        remote_relationships: [
          toUp("greeting", [], { hello: { arguments: {} } }),
          toUp("own", ["id"], { message: { arguments: { id: "$id" } } }),
          toUp("named", ["name"], { messages: { arguments: { where: { name: { eq: "$name" } } } } }),
          toUp("among", ["name"], { messages: { arguments: { among: { names: ["$name"] } } } }),
          toUp("answers", ["id"], { threads: { arguments: {}, field: { replies: { arguments: { first: "$id" } } } } }),
        ],
      },
    ],
    root: {
      remote_schemas: [
        {
          name: "up",
          definition: { url: upstream.url },
          permissions: [
            sees("reader", whole),
            sees("nameless", whole),
            sees("narrow", `${message} input Names { ids: [Int!] } type Query { messages(among: Names): [Message!] }`),
            sees(
              "keyless",
              `${message} ${filters} input MessageFilter { id: IntFilter } type Query { messages(where: MessageFilter): [Message!] }`,
            ),
            sees(
              "preset",
              `${message} ${filters} input MessageFilter { id: IntFilter name: TextFilter @preset(value: {eq: "bob"}) } input Names { names: [String!] ids: [Int!] }
               type Query { message(id: Int! @preset(value: 2)): Message messages(where: MessageFilter, among: Names @preset(value: {ids: [3]})): [Message!] }`,
            ),
          ],
        },
      ],
    },
  });
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});

const person = (selection: string) => `{ people_by_pk(id: 1) { ${selection} } }`;
const answer = (value: object) => ({ data: { people_by_pk: value } });
const unknown = (field: string) => ({
  error: `validation-failed $.selectionSet.people_by_pk.selectionSet.${field} field '${field}' not found in type: 'people'`,
});

test("a relationship without join columns is answered", async () => {
  const reply = await world.ask("{ people(order_by: {id: asc}) { id greeting } }");

  expect(reply).toEqual({
    data: {
      people: [
        { id: 1, greeting: "world" },
        { id: 2, greeting: "world" },
      ],
    },
  });
});

test("a null join value gives null, whatever the other rows hold", async () => {
  const reply = await world.ask("{ people(order_by: {id: asc}) { named { id } } }");

  expect(reply).toEqual({ data: { people: [{ named: [{ id: 1 }, { id: 3 }] }, { named: null }] } });
});

test("a path that leads through a list ends in a list", async () => {
  const reply = await world.ask(person("answers { id }"));

  expect(reply).toEqual(answer({ answers: [[{ id: 1 }], [{ id: 1 }]] }));
});

test("the caller may give the arguments that are left", async () => {
  const reply = await world.ask(person("named(among: {ids: [3]}) { text }"), { role: "reader" });

  expect(reply).toEqual(answer({ named: [{ text: "three" }] }));
});

test("the caller may give the keys that are left of an input object", async () => {
  const query =
    "query ($w: MessageFilter) { people_by_pk(id: 1) { named(where: {id: {gt: 1}}) { id } among(among: {ids: [1]}, where: $w) { id } } }";

  const reply = await world.ask(query, { role: "reader", variables: { w: { name: { eq: "ann" } } } });

  expect(reply).toEqual(answer({ named: [{ id: 3 }], among: [{ id: 1 }] }));
});

test.each([
  ['named(where: {name: {eq: "bob"}}) { id }', "named.args.where.name", "field 'name' not found in type: "],
  ["own(id: 2) { id }", "own", "'own' has no argument named 'id'"],
])("a joined value is not the caller's to give: %s", async (selection, path, message) => {
  const reply = await world.ask(person(selection));

  expect(reply).toEqual({
    error: expect.stringContaining(`validation-failed $.selectionSet.people_by_pk.selectionSet.${path} ${message}`),
  });
});

test.each([
  ["nameless", "named", "a join column that it may not select"],
  ["narrow", "own", "a remote field that it does not have"],
  ["narrow", "named", "a joined argument that it does not have"],
  ["narrow", "among", "a joined key that its input object does not have"],
  ["keyless", "named", "a joined key that its input object does not have"],
  ["stranger", "own", "a remote schema that it does not have"],
])("role %s does not see %s: it needs %s", async (role, field) => {
  const reply = await world.ask(person(`${field} { id }`), { role });

  expect(reply).toEqual(
    role === "stranger"
      ? { error: "validation-failed $.selectionSet.people_by_pk field 'people_by_pk' not found in type: 'query_root'" }
      : unknown(field),
  );
});

test("presets stand beside joined values and do not replace them", async () => {
  const reply = await world.ask(person("own { id } named { id } among { id }"), { role: "preset" });

  expect(reply).toEqual(answer({ own: { id: 1 }, named: [{ id: 3 }], among: [{ id: 3 }] }));
});
