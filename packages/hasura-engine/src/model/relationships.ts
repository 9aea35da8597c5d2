import type { ArrayRelationshipMetadata, ObjectRelationshipMetadata } from "../metadata/table-metadata.ts";
import { type TableName, tableKey, tableText } from "../metadata/table-name.ts";
import { type Inconsistencies, InconsistencyError, within } from "./inconsistency.ts";
import type { Column, Relationship } from "./model.ts";
import { requireGraphqlName } from "./names.ts";
import type { TableDraft, TableDrafts } from "./table-drafts.ts";

type Using = ObjectRelationshipMetadata["using"] | ArrayRelationshipMetadata["using"];
type Pairs = Relationship["columns"];

/** Object and array relationships of all tables. */
export function resolveRelationships(drafts: TableDrafts, source: string, inconsistencies: Inconsistencies): void {
  for (const draft of drafts.values()) {
    for (const entry of draft.metadata.object_relationships)
      add(draft, "object", entry, drafts, source, inconsistencies);
    for (const entry of draft.metadata.array_relationships) add(draft, "array", entry, drafts, source, inconsistencies);
  }
}

function add(
  draft: TableDraft,
  kind: Relationship["kind"],
  entry: ObjectRelationshipMetadata | ArrayRelationshipMetadata,
  drafts: TableDrafts,
  source: string,
  inconsistencies: Inconsistencies,
): void {
  const { name, using, comment } = entry;
  const table = tableText(draft.table);
  const object = {
    type: `${kind}_relation`,
    name: `${name} in table ${table} in source ${source}`,
    definition: { source, table: draft.metadata.table, name, using, comment: comment ?? null },
  };
  const resolved = inconsistencies.attempt(object, () =>
    within(`in table "${table}"`, () =>
      within(`in relationship "${name}"`, (): Relationship => {
        requireGraphqlName(name, "the relationship name");
        requireFreeName(draft, name);
        return { name, kind, comment, ...resolveUsing(draft, kind, using, drafts) };
      }),
    ),
  );
  if (resolved !== undefined) draft.relationships.set(name, resolved);
}

export function requireFreeName(draft: TableDraft, name: string): void {
  const column = [...draft.table.columns.values()].find(({ graphqlName }) => graphqlName === name);
  if (column !== undefined || draft.relationships.has(name) || draft.remoteRelationships.has(name)) {
    throw new InconsistencyError(
      "already-exists",
      `field with name "${name}" already exists in table "${tableText(draft.table)}"`,
    );
  }
}

function resolveUsing(
  draft: TableDraft,
  kind: Relationship["kind"],
  using: Using,
  drafts: TableDrafts,
): Pick<Relationship, "target" | "columns" | "required" | "insertion"> {
  if ("manual_configuration" in using) {
    const { remote_table, column_mapping, insertion_order } = using.manual_configuration;
    const target = requireTable(drafts, remote_table);
    const columns = Object.entries(column_mapping).map(([own, other]) => ({
      own: requireColumn(draft, own),
      target: requireColumn(target, other),
    }));
    if (columns.length === 0) throw new InconsistencyError("validation-failed", "the column_mapping must not be empty");
    const after = kind === "array" || insertion_order === "after_parent";
    return { target: target.table.key, columns, required: false, insertion: after ? "after-parent" : "before-parent" };
  }
  const on = using.foreign_key_constraint_on;
  if (Array.isArray(on)) {
    const columns = forwardKey(draft, on, drafts);
    return { ...columns, required: columns.columns.every(({ own }) => !own.nullable), insertion: "before-parent" };
  }
  const target = requireTable(drafts, on.table);
  for (const column of on.columns) requireColumn(target, column);
  const key = theOne(
    target.catalog.foreignKeys.filter((key) => key.target === draft.table.key && sameSet(key.columns, on.columns)),
  );
  const columns: Pairs = key.columns.map((name, index) => ({
    own: requireColumn(draft, key.targetColumns[index] ?? ""),
    target: requireColumn(target, name),
  }));
  return { target: target.table.key, columns, required: false, insertion: "after-parent" };
}

function forwardKey(
  draft: TableDraft,
  names: readonly string[],
  drafts: TableDrafts,
): { target: string; columns: Pairs } {
  for (const name of names) requireColumn(draft, name);
  const key = theOne(draft.catalog.foreignKeys.filter(({ columns }) => sameSet(columns, names)));
  const target = drafts.get(key.target);
  if (target === undefined) throw notTracked(key.target.replace(/^public\./, ""));
  const columns = key.columns.map((name, index) => ({
    own: requireColumn(draft, name),
    target: requireColumn(target, key.targetColumns[index] ?? ""),
  }));
  return { target: key.target, columns };
}

function theOne<T>(keys: readonly T[]): T {
  const [key, ...others] = keys;
  if (key === undefined)
    throw new InconsistencyError("constraint-error", "no foreign constraint exists on the given column(s)");
  if (others.length > 0) {
    throw new InconsistencyError(
      "constraint-error",
      "more than one foreign key constraint exists on the given column(s)",
    );
  }
  return key;
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
}

function notTracked(name: string): InconsistencyError {
  return new InconsistencyError("not-exists", `table "${name}" is not tracked`);
}

function requireTable(drafts: TableDrafts, name: TableName): TableDraft {
  const draft = drafts.get(tableKey(name));
  if (draft === undefined) throw notTracked(tableText(name));
  return draft;
}

export function requireColumn({ table }: Pick<TableDraft, "table">, name: string): Column {
  const column = table.columns.get(name);
  if (column === undefined)
    throw new InconsistencyError("not-exists", `column "${name}" does not exist in table "${tableText(table)}"`);
  return column;
}
