import { buildSchema, type FieldNode, Kind, parse } from "graphql";
import { expect, test } from "vitest";
import { runIntrospection } from "../../src/engine/run-introspection.ts";

const schema = buildSchema("type Query { a: Int b: [String!]! }");

function field(document: string): { node: FieldNode; fragments: string[] } {
  const [operation] = parse(document).definitions;
  const [node] = operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : [];
  if (node?.kind !== Kind.FIELD) throw new Error("a field is expected");
  return { node, fragments: [] };
}

test("a type is described under the client's alias", () => {
  const text = runIntrospection({
    schema,
    ...field('{ t: __type(name: "Query") { n: name fields { name } } }'),
    variables: {},
  });

  expect(text).toBe('{"n":"Query","fields":[{"name":"a"},{"name":"b"}]}');
});

test("variables and fragments are filled in", () => {
  const { node } = field("query ($name: String!, $deep: Boolean!) { __type(name: $name) { ...Parts } }");
  const fragments = ["fragment Parts on __Type { kind fields @include(if: $deep) { name } }"];

  const text = runIntrospection({ schema, node, fragments, variables: { name: "Query", deep: false } });

  expect(text).toBe('{"kind":"OBJECT"}');
});

test("a type that does not exist is null", () => {
  const text = runIntrospection({ schema, ...field('{ __type(name: "Nothing") { name } }'), variables: {} });

  expect(text).toBe("null");
});
