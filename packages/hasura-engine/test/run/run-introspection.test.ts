import { buildSchema, getIntrospectionQuery, graphqlSync, Kind, parse } from "graphql";
import { expect, test } from "vitest";
import { createSpent } from "../../src/plan/document-budget.ts";
import { answerIntrospection, type IntrospectionField, runIntrospection } from "../../src/run/run-introspection.ts";

const schema = buildSchema("type Query { a: Int b: [String!]! }");

function run(asked: IntrospectionField): string {
  return runIntrospection(asked, () => {});
}

function field(document: string): Pick<IntrospectionField, "node" | "fragments"> {
  const { definitions } = parse(document);
  const [operation] = definitions;
  const [node] = operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : [];
  if (node?.kind !== Kind.FIELD) throw new Error("a field is expected");
  const fragments = definitions.flatMap((part) =>
    part.kind === Kind.FRAGMENT_DEFINITION ? [[part.name.value, part] as const] : [],
  );
  return { node, fragments: new Map(fragments) };
}

test("a type is described under the client's alias", () => {
  const text = run({
    schema,
    ...field('{ t: __type(name: "Query") { n: name fields { name } } }'),
    variables: {},
  });

  expect(text).toBe('{"n":"Query","fields":[{"name":"a"},{"name":"b"}]}');
});

test("variables and fragments are filled in", () => {
  const asked = field(`query ($name: String!, $deep: Boolean!) { __type(name: $name) { ...Parts } }
    fragment Parts on __Type { kind fields @include(if: $deep) { name } }`);

  const text = run({ schema, ...asked, variables: { name: "Query", deep: false } });

  expect(text).toBe('{"kind":"OBJECT"}');
});

test("a type that does not exist is null", () => {
  const text = run({ schema, ...field('{ __type(name: "Nothing") { name } }'), variables: {} });

  expect(text).toBe("null");
});

test("an unknown field is refused by name", () => {
  const asked = () => run({ schema, ...field("{ __schema { types { nothing } } }"), variables: {} });

  expect(asked).toThrow("field 'nothing' not found in type: '__Type'");
});

test("duplicates are merged, and a default of an argument counts", () => {
  const text = run({
    schema: buildSchema("type Query { a: Int old: Int @deprecated }"),
    ...field('{ __type(name: "Query") { fields { name } fields { isDeprecated __typename } } }'),
    variables: {},
  });

  expect(text).toBe('{"fields":[{"name":"a","isDeprecated":false,"__typename":"__Field"}]}');
});

const everything = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
};

test("the full introspection equals what graphql-js itself answers", () => {
  const document = getIntrospectionQuery(everything);
  const rich = buildSchema(`
    "words" enum E { A B @deprecated(reason: "old") }
    input I { a: [Int!]! = [1, 2] e: E = A }
    interface N { id: ID! } type T implements N { id: ID! f(i: I, old: Int @deprecated): U } union U = T
    type Query { t(e: E!): [T!]! }
  `);

  const text = run({ schema: rich, ...field(document), variables: {} });

  expect({ __schema: JSON.parse(text) }).toEqual(
    JSON.parse(JSON.stringify(graphqlSync({ schema: rich, source: document }).data)),
  );
});

test("one document asks for a bounded number of values", () => {
  const circle = buildSchema(
    `type Query { ${Array.from({ length: 200 }, (_, index) => `f${index}: Query`).join(" ")} }`,
  );
  const deep = "fields { type { fields { type { fields { type { fields { name } } } } } } }";

  const asked = () =>
    answerIntrospection(
      { schema: circle, ...field(`{ __type(name: "Query") { ${deep} } }`), variables: {} },
      createSpent(),
      { introspectionValues: 20_000 },
    );

  expect(asked).toThrow("the introspection asks for more than 20000 values");
});
