import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { loadMetadata } from "../../src/metadata/load-metadata.ts";
import { problemText } from "../../src/metadata/problem.ts";
import { readMetadataDirectory } from "../../src/metadata/read-directory.ts";

const made: string[] = [];
afterEach(async () => {
  for (const dir of made.splice(0)) await rm(dir, { recursive: true });
});

const base = {
  "version.yaml": "version: 3\n",
  "databases/databases.yaml": `- name: default
  kind: postgres
  configuration: {connection_info: {database_url: {from_env: PG_DATABASE_URL}}}
  tables: "!include default/tables/tables.yaml"
`,
  "databases/default/tables/tables.yaml": `- "!include public_things.yaml"\n- !include public_others.yaml\n`,
  "databases/default/tables/public_things.yaml": "table: {name: things, schema: public}\n",
  "databases/default/tables/public_others.yaml": "table: {name: others, schema: public}\n",
};

async function directory(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "metadata-"));
  made.push(root);
  for (const [name, text] of Object.entries({ ...base, ...files })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

async function problemsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  const result = await loadMetadata(await directory(files), {});
  return "problems" in result ? result.problems.map(problemText) : [];
}

async function objectOf(files: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>> {
  const result = await readMetadataDirectory(await directory(files));
  if ("problems" in result) throw new Error(result.problems.map(problemText).join("\n"));
  return result.raw.object;
}

test("includes work as a tag and as a quoted string", async () => {
  const object = await objectOf({});

  expect(object).toEqual({
    version: 3,
    sources: [
      {
        name: "default",
        kind: "postgres",
        configuration: { connection_info: { database_url: { from_env: "PG_DATABASE_URL" } } },
        tables: [{ table: { name: "things", schema: "public" } }, { table: { name: "others", schema: "public" } }],
      },
    ],
  });
});

test("YAML 1.2 core: yes, dates and octal-looking texts stay what they are", async () => {
  const object = await objectOf({
    "cron_triggers.yaml":
      "- {name: yes, webhook: no, schedule: 2020-01-01, include_in_metadata: true, payload: {n: 0o17, on: off}}\n",
  });

  expect(object.cron_triggers).toEqual([
    { name: "yes", webhook: "no", schedule: "2020-01-01", include_in_metadata: true, payload: { n: 15, on: "off" } },
  ]);
});

test.each([
  ["a path upwards", { "databases/default/tables/tables.yaml": '- "!include ../../../../outside.yaml"\n' }],
  ["an absolute path", { "databases/default/tables/tables.yaml": '- "!include /etc/hostname"\n' }],
])("an include may not leave the directory by %s", async (_name, files) => {
  const found = await problemsOf(files);

  expect(found[0]).toMatch(/(lies outside the metadata directory|the file is missing)$/);
});

test("an include may not leave the directory by a symbolic link", async () => {
  const root = await directory({ "databases/default/tables/tables.yaml": '- "!include link.yaml"\n' });
  await symlink("/etc/hostname", join(root, "databases/default/tables/link.yaml"));

  const result = await loadMetadata(root, {});

  expect("problems" in result && result.problems.map(problemText)).toEqual([
    "databases/default/tables/tables.yaml: databases/default/tables/link.yaml lies outside the metadata directory",
  ]);
});

test("a file that includes itself is refused", async () => {
  const found = await problemsOf({ "databases/default/tables/tables.yaml": '- "!include tables.yaml"\n' });

  expect(found).toEqual(["databases/default/tables/tables.yaml: the file includes itself"]);
});

test("a finding names the included file and the pointer inside it", async () => {
  const found = await problemsOf({
    "databases/default/tables/public_others.yaml": "table: {name: others, schema: public}\nselect_permission: []\n",
  });

  expect(found).toEqual([
    'databases/default/tables/public_others.yaml#/select_permission: the unknown key "select_permission" is not supported by the embedded engine',
  ]);
});

test("an unknown file beside the known ones is refused", async () => {
  const found = await problemsOf({ "remote_schema.yaml": "[]\n" });

  expect(found).toEqual([
    'remote_schema.yaml: the unknown file "remote_schema.yaml" is not supported by the embedded engine',
  ]);
});

test("a key given twice is refused", async () => {
  const found = await problemsOf({ "databases/default/tables/public_things.yaml": "table: things\ntable: others\n" });

  expect(found[0]).toMatch(/^databases\/default\/tables\/public_things\.yaml: Map keys must be unique/);
});

test("an integer that JSON would round is refused", async () => {
  const found = await problemsOf({
    "cron_triggers.yaml":
      "- {name: c, webhook: w, schedule: s, include_in_metadata: true, payload: 9007199254740993}\n",
  });

  expect(found).toEqual(["cron_triggers.yaml#/0/payload: an integer beyond 2^53 must be written as a string"]);
});

const sdl = `
type Mutation { "Makes one" make(input: MakeInput!): MakeOutput! }
extend type Query { look(id: uuid!): String }
input MakeInput { "Its name" name: String! size: Size }
type MakeOutput { id: uuid! }
enum Size { SMALL LARGE }
scalar Odd
`;
const yaml = `actions:
- {name: make, definition: {kind: synchronous, handler: "http://x"}, permissions: [{role: user}]}
- {name: look, definition: {kind: "", handler: "http://x"}, comment: Looks}
custom_types:
  enums: [{name: Size}]
  input_objects: [{name: MakeInput}]
  objects: [{name: MakeOutput, relationships: [{name: thing, type: object, remote_table: things, field_mapping: {id: id}}]}]
  scalars: [{name: Odd}]
`;

test("actions are joined with their signatures and types", async () => {
  const object = await objectOf({ "actions.graphql": sdl, "actions.yaml": yaml });

  expect(object.actions).toMatchObject([
    {
      name: "make",
      comment: "Makes one",
      definition: { type: "mutation", arguments: [{ name: "input", type: "MakeInput!" }], output_type: "MakeOutput!" },
    },
    { name: "look", comment: "Looks", definition: { type: "query", output_type: "String" } },
  ]);
  expect(object.custom_types).toMatchObject({
    enums: [{ name: "Size", values: [{ value: "SMALL" }, { value: "LARGE" }] }],
    input_objects: [
      {
        name: "MakeInput",
        fields: [
          { name: "name", type: "String!", description: "Its name" },
          { name: "size", type: "Size" },
        ],
      },
    ],
    objects: [{ name: "MakeOutput", fields: [{ name: "id", type: "uuid!" }], relationships: [{ name: "thing" }] }],
    scalars: [{ name: "Odd" }],
  });
});

test("types that only actions.graphql defines are taken from it", async () => {
  const only = `
    type Query { status(input: Ask, since: Day): Status }
    type Status { ok: Boolean! detail: Detail }
    "Said in words" type Detail { text: String size: Size }
    input Ask { size: Size! }
    enum Size { SMALL "Not small" LARGE }
    scalar Day
  `;

  const object = await objectOf({
    "actions.graphql": only,
    "actions.yaml": `actions: [{name: status, definition: {handler: "http://x"}}]\ncustom_types: {objects: [{name: Status}]}\n`,
  });

  expect(object.custom_types).toEqual({
    enums: [{ name: "Size", values: [{ value: "SMALL" }, { value: "LARGE", description: "Not small" }] }],
    input_objects: [{ name: "Ask", fields: [{ name: "size", type: "Size!" }] }],
    objects: [
      {
        name: "Status",
        fields: [
          { name: "ok", type: "Boolean!" },
          { name: "detail", type: "Detail" },
        ],
      },
      {
        name: "Detail",
        description: "Said in words",
        fields: [
          { name: "text", type: "String" },
          { name: "size", type: "Size" },
        ],
      },
    ],
    scalars: [{ name: "Day" }],
  });
});

test("a type that actions.graphql defines twice is refused", async () => {
  const found = await problemsOf({
    "actions.graphql": `${sdl}\ntype MakeOutput { other: Int }\nscalar Size`,
    "actions.yaml": yaml,
  });

  expect(found).toEqual([
    "actions.graphql: type MakeOutput is declared more than once",
    "actions.graphql: type Size is declared more than once",
  ]);
});

test("actions stand in both files, types of actions.yaml in actions.graphql as well", async () => {
  const found = await problemsOf({
    "actions.graphql": sdl.replace("look(", "peek(").replace("scalar Odd", "scalar Strange"),
    "actions.yaml": yaml,
  });

  expect(found).toEqual([
    "actions.yaml: action look is not present in actions.graphql",
    "actions.graphql: action peek is not present in actions.yaml",
    "actions.yaml: type Odd is not present in actions.graphql",
  ]);
});

test("defaults in actions.graphql, which Hasura would drop, are refused", async () => {
  const found = await problemsOf({
    "actions.graphql": sdl.replace("id: uuid!)", "id: uuid = 1)").replace("size: Size }", "size: Size = SMALL }"),
    "actions.yaml": yaml,
  });

  expect(found).toEqual([
    'actions.graphql: the default of "id" in action look is not supported by the embedded engine',
    'actions.graphql: the default of "size" in type MakeInput is not supported by the embedded engine',
  ]);
});

test("a fault in actions.yaml is named with its place there", async () => {
  const found = await problemsOf({
    "actions.graphql": sdl,
    "actions.yaml": yaml.replace("kind: synchronous", "kind: asynchronous"),
  });

  expect(found).toEqual([
    "actions.yaml#/actions/0/definition/kind: an asynchronous action is not supported by the embedded engine",
  ]);
});

test("the shipped directory loads strictly", async () => {
  const result = await loadMetadata(resolve(import.meta.dirname, "../../../../hasura/metadata"), {});

  expect("problems" in result ? result.problems.map(problemText) : []).toEqual([]);
});
