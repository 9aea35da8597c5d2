import { buildSchema, printSchema } from "graphql";
import { describe, expect, test } from "vitest";
import { buildRemoteRole } from "../../src/remote-schema/build-remote-role.ts";

const upstream = buildSchema(`
  interface Named { name: String! }
  interface Other { id: Int }
  type User implements Named { id: Int! name: String! posts(limit: Int!, tag: String = "all", kind: Kind): [Post] }
  type Post { title: String }
  type Photo { url: String }
  union Found = User | Post
  enum Kind { NEWS BLOG }
  input Filter { id: Int name: String range: Range }
  input Range { from: Int to: Int! }
  scalar Time
  type Query { user(id: Int!): User found(filter: Filter, filters: [Filter!], ids: [Int]): [Found] at: Time }
  type Mutation { rename(id: Int!, name: String!): User }
`);

function reason(sdl: string): string | undefined {
  const built = buildRemoteRole(upstream, sdl);
  return "reason" in built ? built.reason : undefined;
}

const because = "validation for the given role-based schema failed because ";

describe("a role schema that is no sub-schema is refused", () => {
  test.each([
    ["enum Missing { A }", '"Enum": "Missing" does not exist in the upstream remote schema'],
    ["scalar Missing", '"Scalar": "Missing" does not exist in the upstream remote schema'],
    ["interface Missing { a: Int }", '"Interface": "Missing" does not exist in the upstream remote schema'],
    ["union Missing = Post", '"Union": "Missing" does not exist in the upstream remote schema'],
    ["input Missing { a: Int }", '"Input object": "Missing" does not exist in the upstream remote schema'],
    ["type Missing { a: Int }", '"Object": "Missing" does not exist in the upstream remote schema'],
    ["type Post { title: String! }", 'expected type of "title"("Object field") to be String but received String!'],
    ["interface Named { name: Int }", 'expected type of "name"("Interface field") to be String! but received Int'],
    ["type Post { body: String }", 'field "body" does not exist in the "Object": "Post"'],
    ["interface Named { age: Int }", 'field "age" does not exist in the "Interface": "Named"'],
    [
      "type User { posts: [Post] }",
      'field: "posts" expects the following non nullable arguments to be present: "limit"',
    ],
    ["input Range { from: Int }", 'field: "Range" expects the following non nullable arguments to be present: "to"'],
    [
      "type User { posts(limit: Int!, offset: Int): [Post] }",
      'input argument "offset" does not exist in the input object:"posts"',
    ],
    ["input Filter { id: String }", 'expected type of "id"("Input object argument") to be Int but received String'],
    [
      'type User { posts(limit: Int!, tag: String = "some"): [Post] }',
      'expected default value of input value: "tag"of input object "posts" to be "all" but received "some"',
    ],
    [
      "enum Kind { NEWS OLD }",
      'enum "Kind" contains the following enum values that do not exist in the corresponding upstream remote enum: "OLD"',
    ],
    [
      "enum Kind { NEWS OLD OLDER OLDEST }",
      'enum "Kind" contains the following enum values that do not exist in the corresponding upstream remote enum: "OLD", "OLDER" and "OLDEST"',
    ],
    ["enum Kind { NEWS NEWS }", 'duplicate enum values: "NEWS" found in the "Kind" enum'],
    [
      "union Found = User | Photo",
      'union "Found" contains members which do not exist in the members of the remote schema union :"Photo"',
    ],
    [
      "interface Other { id: Int } type Post implements Other { title: String }",
      'custom interfaces are not supported. Object"Post" implements the following custom interfaces: "Other"',
    ],
    ["type Post { title: String title: String }", 'duplicate fields: "title"found in the "Object" "Post"'],
    ["type Query { user(id: Int!, id: Int!): User }", 'duplicate arguments: "id"found in the field: "user"'],
    ["type Post { title: String } type Post { title: String }", 'duplicate type names found: "Post"'],
    ["schema { query: Query } schema { query: Query } type Query { at: Time }", "multiple schema definitions found"],
    [
      "type Post @preset(value: 1) { title: String }",
      "Preset directives can be defined only on INPUT_FIELD_DEFINITION or ARGUMENT_DEFINITION",
    ],
    [
      "enum Kind @preset(value: 1) { NEWS }",
      "Preset directives can be defined only on INPUT_FIELD_DEFINITION or ARGUMENT_DEFINITION",
    ],
    ["type Query { user(id: Int! @preset): User }", "no arguments found in the preset directive"],
    ["type Query { user(id: Int! @preset(static: true)): User }", 'preset argument "value" not found at "id"'],
    [
      "type Query { user(id: Int! @preset(value: 1, static: 1)): User }",
      "expected preset static value to be a Boolean value",
    ],
    [
      "type Query { user(id: Int! @preset(value: 1) @preset(value: 2)): User }",
      'found multiple preset directives at "Input object argument" "user"',
    ],
    [
      "type Query { user(id: Int! @preset(value: {a: 1})): User }",
      'expected preset value "{a: 1}" of type "Int" to be a scalar value',
    ],
    [
      "input Filter { id: Int } type Query { found(filter: Filter @preset(value: 1)): [Found] }",
      'expected preset value "1" of type "Filter" to be an input object value',
    ],
    [
      "input Filter { id: Int } type Query { found(filter: Filter @preset(value: {k: 1})): [Found] }",
      '"k" does not exist in the input object "Filter"',
    ],
    [
      "enum Kind { NEWS } type User { posts(limit: Int!, kind: Kind @preset(value: BLOG)): [Post] }",
      '"BLOG" not found in the enum: "Kind"',
    ],
    [
      'enum Kind { NEWS } type User { posts(limit: Int!, kind: Kind @preset(value: "NEWS")): [Post] }',
      'expected preset value ""NEWS"" of type "Kind" to be an enum value',
    ],
    [
      'enum Kind { NEWS } type User { posts(limit: Int!, kind: Kind @preset(value: "x-hasura-kind", static: true)): [Post] }',
      'expected preset value ""x-hasura-kind"" of type "Kind" to be an enum value',
    ],
    [
      'type Query { found(ids: [Int] @preset(value: "x-hasura-ids")): [Found] }',
      'illegal preset value at "ids". Session arguments can only be set for singleton values',
    ],
    [
      "type Post { title: String @deprecated }",
      '"Directive": "deprecated" does not exist in the upstream remote schema',
    ],
    ["type Post { title: String }", "query root does not exist in the schema definition"],
    [
      "schema { mutation: Mutation } type Mutation { rename(id: Int!, name: String!): User } type User { id: Int! }",
      "query root does not exist in the schema definition",
    ],
    [
      "type Query { at: Time } scalar Time extend type Query { user(id: Int! @preset(value: 1)): User } type User { id: Int! }",
      "the schema of a role has type definitions only, no ObjectTypeExtension",
    ],
    [
      "directive @preset(value: Int) on ARGUMENT_DEFINITION type Query { at: Time } scalar Time",
      "the schema of a role has type definitions only, no DirectiveDefinition",
    ],
  ])("%s", (sdl, piece) => {
    expect(reason(sdl)).toBe(because + piece);
  });

  const nullable = buildSchema(`
    interface Named { name(short: Boolean): String }
    type User implements Named { name(short: Boolean): String tags: [String!]! posts(ids: [Int], kinds: [Int!]!): [Int] }
    input Filter { id: Int ids: [Int] tags: [String!]! limit: Int! = 10 }
    type Query { user(id: Int): User users(filter: Filter, first: Int! = 3): [User]! }
  `);

  test.each([
    ["type User { tags: [String!] }", '"tags"("Object field") to be [String!]! but received [String!]'],
    ["type User { tags: [String]! }", '"tags"("Object field") to be [String!]! but received [String]!'],
    [
      "type Query { user: User! } type User { tags: [String!]! }",
      '"user"("Object field") to be User but received User!',
    ],
    ["interface Named { name: String! }", '"name"("Interface field") to be String but received String!'],
    [
      "interface Named { name(short: Boolean!): String }",
      '"short"("Input object argument") to be Boolean but received Boolean!',
    ],
    ["type Query { user(id: Int!): User }", '"id"("Input object argument") to be Int but received Int!'],
    [
      "type Query { user(id: Int! @preset(value: 1)): User } scalar Int",
      '"id"("Input object argument") to be Int but received Int!',
    ],
    ["type Query { users(first: Int = 3): [User]! }", '"first"("Input object argument") to be Int! but received Int'],
    [
      "type User { posts(ids: [Int!], kinds: [Int!]!): [Int] }",
      '"ids"("Input object argument") to be [Int] but received [Int!]',
    ],
    ["type User { posts(kinds: [Int]!): [Int] }", '"kinds"("Input object argument") to be [Int!]! but received [Int]!'],
    ["input Filter { id: Int! tags: [String!]! }", '"id"("Input object argument") to be Int but received Int!'],
    ["input Filter { ids: [Int]! tags: [String!]! }", '"ids"("Input object argument") to be [Int] but received [Int]!'],
    ["input Filter { tags: [String]! }", '"tags"("Input object argument") to be [String!]! but received [String]!'],
    [
      "input Filter { tags: [String!]! limit: Int = 10 }",
      '"limit"("Input object argument") to be Int! but received Int',
    ],
  ])("for another nullability: %s", (sdl, piece) => {
    const built = buildRemoteRole(nullable, sdl);

    expect("reason" in built && built.reason).toBe(`${because}expected type of ${piece}`);
  });

  test.each([
    ["argument", "type User { posts(kinds: [Int!]): [Int] }", "posts", "kinds"],
    ["field of an input", "input Filter { tags: [String!] }", "Filter", "tags"],
  ])("for a required %s that may be left out", (_name, sdl, owner, missing) => {
    const built = buildRemoteRole(nullable, sdl);

    expect("reason" in built && built.reason).toBe(
      `${because}field: "${owner}" expects the following non nullable arguments to be present: "${missing}"`,
    );
  });

  test("several faults are listed in the document's order", () => {
    const sdl = "enum Kind { OLD } type Post { title: Int } union Found = Photo type Missing { a: Int }";

    expect(reason(sdl)).toBe(
      "validation for the given role-based schema failed for the following reasons:\n" +
        ' • enum "Kind" contains the following enum values that do not exist in the corresponding upstream remote enum: "OLD"\n' +
        ' • expected type of "title"("Object field") to be String but received Int\n' +
        ' • union "Found" contains members which do not exist in the members of the remote schema union :"Photo"\n',
    );
  });

  test("a text that is no SDL", () => {
    expect(reason("type {")).toContain("Syntax Error");
  });

  test("a type that is named but not defined", () => {
    expect(reason("type Query { user(id: Int!): User }")).toContain('Unknown type: "User"');
  });
});

describe("presets", () => {
  function role(sdl: string) {
    const built = buildRemoteRole(upstream, sdl);
    if ("reason" in built) throw new Error(built.reason);
    return built.role;
  }

  test("are taken out of the schema and kept beside it", () => {
    const { schema, presets } = role(`
      type User { id: Int! }
      type Query { user(id: Int! @preset(value: "X-Hasura-User-Id")): User at: Time }
      scalar Time
    `);

    expect(printSchema(schema)).toContain("user: User");
    expect([...presets]).toEqual([["Query.user.id", { kind: "session", variable: "x-hasura-user-id", type: "Int" }]]);
  });

  test("of all fields make the input type and its arguments disappear", () => {
    const { schema, presets } = role(`
      type Post { title: String }
      union Found = Post
      input Filter { name: String @preset(value: "x-hasura-name", static: true) range: Range }
      input Range { from: Int @preset(value: 1) to: Int! @preset(value: 2) }
      type Query { found(filter: Filter, ids: [Int]): [Found] }
    `);

    expect(schema.getType("Filter")).toBeUndefined();
    expect(schema.getType("Range")).toBeUndefined();
    expect(
      schema
        .getQueryType()
        ?.getFields()
        .found?.args.map((argument) => argument.name),
    ).toEqual(["ids"]);
    expect(presets.get("Query.found.filter")).toEqual({ kind: "filled" });
    expect(presets.get("Filter.name")).toEqual({ kind: "literal", text: '"x-hasura-name"' });
  });
});
