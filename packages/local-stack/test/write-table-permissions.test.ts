import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { writeTablePermissions } from "../src/generate/write-table-permissions.ts";
import { checkPermissionCells } from "../src/metadata-rules/cell-rules.ts";
import { metadataShapeSchema } from "../src/metadata-rules/metadata-shape.ts";
import { permissionsTwinSchema } from "../src/metadata-rules/permissions-twin.ts";
import { readShippedTwin, repository } from "./read-metadata.ts";

const tablesDir = join(repository, "hasura/metadata/databases/default/tables");
const files = readdirSync(tablesDir).filter((name) => name !== "tables.yaml");
const twin = permissionsTwinSchema.parse(readShippedTwin());

function readTable(table: string): string {
  return readFileSync(join(tablesDir, `public_${table}.yaml`), "utf8");
}

/** What the cell check finds in one table's file. */
function findingsOf(text: string, table: string): string[] {
  const metadata = metadataShapeSchema.parse({ sources: [{ name: "default", tables: [parse(text)] }] });
  const grants = twin.tables[table];
  if (grants === undefined) throw new Error(`permissions.yaml has no table ${table}`);
  return checkPermissionCells(metadata, { ...twin, tables: { [table]: grants } }).map(({ message }) => message);
}

test.each(files)("%s holds what the twin states, in the generated form", (name) => {
  const text = readFileSync(join(tablesDir, name), "utf8");

  const written = writeTablePermissions(text, twin);

  expect(written).toBe(text);
});

test.each(Object.keys(twin.tables))("the permissions of %s are all made from the twin", (table) => {
  const { table: name } = parse(readTable(table));

  const written = writeTablePermissions(`table:\n  name: ${name.name}\n  schema: public\n`, twin);

  expect(findingsOf(written, table)).toEqual([]);
  expect(writeTablePermissions(written, twin)).toBe(written);
});

test("a column that the twin gains reaches every permission that lists it, and nothing else changes", () => {
  const wider = structuredClone(twin);
  const [granted] = wider.tables.workflows?.update ?? [];
  granted?.columns.push("another_column");

  const lines = writeTablePermissions(readTable("workflows"), wider).split("\n");

  const added = lines.filter((line) => line.includes("another_column"));
  expect(added).toEqual(["        - another_column", "        - another_column", "        - another_column"]);
  expect(lines.filter((line) => !line.includes("another_column")).join("\n")).toBe(readTable("workflows"));
});

test("comments stay where they are, inside the permissions too", () => {
  const comments = ["# of the file", "# of the relationships", "# of the inserts", "# of the builder", "# of a column"];
  const places = ["table:", "array_relationships:", "insert_permissions:", "  - role: builder", "        - name"];
  const commented = places.reduce((text, place, index) => {
    const indent = /^ */.exec(place)?.[0] ?? "";
    return text.replace(`${place}\n`, `${indent}${comments[index]}\n${place}\n`);
  }, readTable("workflows"));
  const handEdited = commented.replace("        - description\n", "        - description\n        - tenant_id\n");

  const written = writeTablePermissions(handEdited, twin);

  expect(commented.match(/#.*/g)).toEqual(comments);
  expect(written).toBe(commented);
});

test.each([
  ["- description", "- archived_at", "insert on workflows by builder: columns differs from permissions.yaml"],
  ["_eq: ACTIVE", "_eq: REMOVED", "insert on workflows by builder: check differs from permissions.yaml"],
  ["limit: 100", "limit: 100000", "select on workflows by builder: limit differs from permissions.yaml"],
  ["role: viewer", "role: auditor", "select on workflows by auditor is not granted"],
  [/delete_permissions:.*/s, "", "delete on workflows by owner has no entry"],
])("a hand edit, %s to %j, is named and put right", (from, to, named) => {
  const text = readTable("workflows");
  const handEdited = text.replace(from, to);

  const findings = findingsOf(handEdited, "workflows");
  const written = writeTablePermissions(handEdited, twin);

  expect(findings).toContain(named);
  expect(written).toBe(text);
});
