import { buildSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AskedEngine, startAskedEngine, textOf } from "../asked-engine.ts";
import { type Outside, startUpstream } from "../outside.ts";

const upstreamSdl = `
  interface Node { id: Int! }
  interface Named { name: String }
  type Cat implements Node & Named { id: Int! name: String lives: Int owner: Node }
  type Dog implements Node { id: Int! breed: String }
  type Stone { weight: Int }
  union Thing = Cat | Dog | Stone
  enum Size { SMALL BIG }
  input Box { size: Size = BIG sizes: [Size!] any: Json tags: [String] }
  scalar Json
  type Query {
    zoo: [Node!]
    things: [Thing!]
    cat: Cat
    echo(box: Box, ids: [Int!]): String
  }
  type Mutation { grow(size: Size!): Size }
`;
const cat = { __typename: "Cat", id: 1, name: "Tom", lives: 9, owner: { __typename: "Dog", id: 2, breed: "pug" } };
const dog = { __typename: "Dog", id: 2, breed: "pug" };

let upstream: Outside;
let world: AskedEngine;

beforeAll(async () => {
  upstream = await startUpstream(buildSchema(upstreamSdl), {
    zoo: () => [cat, dog],
    things: () => [{ __typename: "Stone", weight: 5 }, cat],
    cat: () => cat,
    echo: (args: object) => JSON.stringify(args),
    grow: ({ size }: { size: string }) => size,
  });
  const sees = (role: string, schema: string) => ({ role, definition: { schema } });
  world = await startAskedEngine({
    sql: "select 1",
    tables: [],
    root: {
      remote_schemas: [
        {
          name: "up",
          definition: { url: upstream.url },
          permissions: [
            sees(
              "keeper",
              "interface Node { id: Int! } type Dog implements Node { id: Int! breed: String } type Query { zoo: [Node!] }",
            ),
            sees("collector", "type Stone { weight: Int } union Thing = Stone type Query { things: [Thing!] }"),
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

test("keys stand in the document's order, those of fragments on types among them", async () => {
  const reply = await world.ask(
    "{ zoo { __typename ... on Cat { name } id ...dog no: id } } fragment dog on Dog { breed }",
  );

  expect(textOf(reply)).toBe(
    '{"zoo":[{"__typename":"Cat","name":"Tom","id":1,"no":1},{"__typename":"Dog","id":2,"breed":"pug","no":2}]}',
  );
});

test("a fragment on an interface or union applies to the objects that belong to it", async () => {
  const reply = await world.ask(
    "{ cat { ... on Node { id } lives ... on Named { name } ... on Thing { __typename } owner { ... on Node { id } } } }",
  );

  expect(textOf(reply)).toBe('{"cat":{"id":1,"lives":9,"name":"Tom","__typename":"Cat","owner":{"id":2}}}');
});

test("a fragment on a type that cannot stand there says nothing", async () => {
  const reply = await world.ask(
    "{ cat { id ... on Dog { breed } ... on Nobody { x } } things { ... on Named { name } ... on Stone { weight } } }",
  );

  expect(reply).toEqual({ data: { cat: { id: 1 }, things: [{ weight: 5 }, { name: "Tom" }] } });
});

test("a selection of nothing gives empty objects", async () => {
  const query =
    "query ($no: Boolean!) { cat { id @include(if: $no) owner { ... on Stone { weight } } } zoo { ... on Dog @include(if: $no) { id } } }";

  const reply = await world.ask(query, { variables: { no: false } });

  expect(reply).toEqual({ data: { cat: { owner: {} }, zoo: [{}, {}] } });
});

test("objects that only an interface leads to are in the role's schema", async () => {
  const reply = await world.ask('{ zoo { id ... on Dog { breed } } __type(name: "Node") { possibleTypes { name } } }', {
    role: "keeper",
  });

  expect(reply).toEqual({
    data: { zoo: [{ id: 1 }, { id: 2, breed: "pug" }], __type: { possibleTypes: [{ name: "Dog" }] } },
  });
});

test("a type that the role does not have says nothing, and its fields are unknown", async () => {
  const reply = await world.ask("{ things { __typename ... on Stone { weight } ... on Cat { lives } } }", {
    role: "collector",
  });

  expect(reply).toEqual({ data: { things: [{ __typename: "Stone", weight: 5 }, { __typename: "Cat" }] } });
});

test("an unknown field inside a fragment is named with the fragment's type", async () => {
  const reply = await world.ask("{ zoo { ... on Dog { lives } } }");

  expect(reply).toEqual({
    error: "validation-failed $.selectionSet.zoo.selectionSet.lives field 'lives' not found in type: 'Dog'",
  });
});

test("fields, arguments and input fields are introspected by name", async () => {
  const reply = await world.ask(
    '{ cat: __type(name: "Cat") { fields { name } } box: __type(name: "Box") { inputFields { name } } root: __type(name: "query_root") { fields { name args { name } } } }',
  );

  expect(textOf(reply)).toBe(
    '{"cat":{"fields":[{"name":"id"},{"name":"lives"},{"name":"name"},{"name":"owner"}]},' +
      '"box":{"inputFields":[{"name":"any"},{"name":"size"},{"name":"sizes"},{"name":"tags"}]},' +
      '"root":{"fields":[{"name":"cat","args":[]},{"name":"echo","args":[{"name":"box"},{"name":"ids"}]},{"name":"things","args":[]},{"name":"zoo","args":[]}]}}',
  );
});

test.each([
  ["literals", '{ echo(box: {size: SMALL, sizes: [SMALL, BIG], any: {a: [1, null]}, tags: "one"}, ids: 1) }', {}],
  [
    "variables",
    "query ($size: Size, $sizes: [Size!], $any: Json, $tags: [String], $ids: [Int!]) { echo(box: {size: $size, sizes: $sizes, any: $any, tags: $tags}, ids: $ids) }",
    { size: "SMALL", sizes: ["SMALL", "BIG"], any: { a: [1, null] }, tags: "one", ids: 1 },
  ],
  [
    "one variable",
    "query ($box: Box, $id: Int!) { echo(box: $box, ids: [$id]) }",
    { box: { size: "SMALL", sizes: ["SMALL", "BIG"], any: { a: [1, null] }, tags: ["one"] }, id: 1 },
  ],
])("arguments go out as %s", async (_name, query, variables) => {
  const reply = await world.ask(query, { variables });

  const sent = { box: { size: "SMALL", sizes: ["SMALL", "BIG"], any: { a: [1, null] }, tags: ["one"] }, ids: [1] };
  expect("data" in reply && JSON.parse(JSON.parse(JSON.stringify(reply.data)).echo)).toEqual(sent);
});

test("an enum value nobody knows is refused before the upstream is asked", async () => {
  const before = upstream.calls().length;

  const reply = await world.ask("mutation { grow(size: HUGE) }");

  expect(reply).toEqual({
    error:
      "validation-failed $.selectionSet.grow.args.size expected one of the values ['BIG', 'SMALL'] for type 'Size', but found 'HUGE'",
  });
  expect(upstream.calls()).toHaveLength(before);
});
