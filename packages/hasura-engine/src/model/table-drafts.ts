import type { Catalog, CatalogColumn, CatalogTable } from "../catalog/catalog.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { TableMetadata } from "../metadata/table-metadata.ts";
import { tableKey, tableText } from "../metadata/table-name.ts";
import { enumValues } from "./enum-values.ts";
import { type Inconsistencies, InconsistencyError, type MetadataObject } from "./inconsistency.ts";
import type {
  Column,
  Relationship,
  RemoteRelationship,
  RootFieldKind,
  Table,
  TablePermissions,
  UniqueConstraint,
} from "./model.ts";
import { baseName, isEnumValueName, isGraphqlName, rootFieldNames, rootOf } from "./names.ts";

/** A table while the model is built: its maps are the ones inside `table`. */
export type TableDraft = {
  readonly table: Table;
  readonly metadata: TableMetadata;
  readonly catalog: CatalogTable;
  readonly relationships: Map<string, Relationship>;
  readonly remoteRelationships: Map<string, RemoteRelationship>;
  readonly permissions: Map<string, TablePermissions>;
};
export type TableDrafts = ReadonlyMap<string, TableDraft>;

/** Which object holds a root field: `query x`, `mutation x` or `subscription x`. */
export type RootFieldOwners = Map<string, string>;

function tableObject(metadata: Metadata, entry: TableMetadata): MetadataObject {
  return {
    type: "table",
    name: `${tableText(entry.table)} in source ${metadata.source.name}`,
    definition: entry.table,
  };
}

/** Tables with columns, keys and names; relationships and permissions are filled in later. */
export function draftTables(
  metadata: Metadata,
  catalog: Catalog,
  inconsistencies: Inconsistencies,
  owners: RootFieldOwners,
): TableDrafts {
  const enums = new Map<string, ReadonlyMap<string, string | undefined>>();
  const usable = metadata.source.tables.filter((entry) => {
    const object = tableObject(metadata, entry);
    return inconsistencies.attempt(object, () => {
      const found = catalog.tables.get(tableKey(entry.table));
      if (found === undefined) {
        throw new InconsistencyError("not-exists", `no such table/view exists in source: "${tableText(entry.table)}"`);
      }
      if (entry.is_enum) enums.set(tableKey(entry.table), enumValues(found, catalog));
      return true;
    });
  });
  const drafts = new Map<string, TableDraft>();
  const names = new Set<string>();
  for (const entry of usable) {
    const found = catalog.tables.get(tableKey(entry.table));
    if (found === undefined) continue;
    const draft = inconsistencies.attempt(tableObject(metadata, entry), () => {
      const made = draftTable(entry, found, enums);
      if (names.has(made.table.graphqlName)) {
        throw new InconsistencyError(
          "already-exists",
          `a table with the GraphQL name "${made.table.graphqlName}" exists already`,
        );
      }
      claimRootFields(made.table, `table ${tableText(entry.table)} in source ${metadata.source.name}`, owners);
      return made;
    });
    if (draft === undefined) continue;
    names.add(draft.table.graphqlName);
    drafts.set(draft.table.key, draft);
  }
  return drafts;
}

function draftTable(
  metadata: TableMetadata,
  catalog: CatalogTable,
  enums: ReadonlyMap<string, ReadonlyMap<string, string | undefined>>,
): TableDraft {
  const key = tableKey(metadata.table);
  const graphqlName = baseName(metadata);
  const columns = draftColumns(metadata, catalog, enums);
  const relationships = new Map<string, Relationship>();
  const remoteRelationships = new Map<string, RemoteRelationship>();
  const permissions = new Map<string, TablePermissions>();
  const uniqueConstraints = [
    ...(catalog.primaryKey === undefined ? [] : [{ ...catalog.primaryKey, primary: true }]),
    ...catalog.uniqueKeys.map((unique) => ({ ...unique, primary: false })),
  ].flatMap(({ name, columns: names, primary }): UniqueConstraint[] => {
    const found = columnsOf(columns, names);
    // GraphQL cannot say the names of the others.
    return found === undefined || !isEnumValueName(name) ? [] : [{ name, columns: found, primary }];
  });
  const table: Table = {
    key,
    schema: catalog.schema,
    name: catalog.name,
    graphqlName,
    kind: catalog.kind,
    comment: metadata.configuration?.comment ?? catalog.comment,
    columns,
    primaryKey: catalog.primaryKey === undefined ? undefined : columnsOf(columns, catalog.primaryKey.columns),
    uniqueConstraints,
    viewInsertable: catalog.insertable,
    viewUpdatable: catalog.updatable,
    viewDeletable: catalog.deletable,
    rootFields: rootFieldNames(metadata, graphqlName),
    relationships,
    remoteRelationships,
    enumValues: enums.get(key),
    permissions,
  };
  return { table, metadata, catalog, relationships, remoteRelationships, permissions };
}

/** Undefined when one of them has no GraphQL name. */
function columnsOf(columns: ReadonlyMap<string, Column>, names: readonly string[]): Column[] | undefined {
  const found = names.flatMap((name) => columns.get(name) ?? []);
  return found.length === names.length ? found : undefined;
}

/** Columns whose names GraphQL does not allow are left out, as Hasura does. */
function draftColumns(
  metadata: TableMetadata,
  catalog: CatalogTable,
  enums: ReadonlyMap<string, ReadonlyMap<string, string | undefined>>,
): Map<string, Column> {
  const columns = new Map<string, Column>();
  const taken = new Map<string, string>();
  for (const column of catalog.columns) {
    const config = metadata.configuration?.column_config?.[column.name];
    const graphqlName =
      config?.custom_name ?? metadata.configuration?.custom_column_names?.[column.name] ?? column.name;
    if (!isGraphqlName(graphqlName)) continue;
    const other = taken.get(graphqlName);
    if (other !== undefined) {
      throw new InconsistencyError(
        "already-exists",
        `the following custom column names are mapped to more than one column: "${graphqlName}" ("${other}", "${column.name}")`,
      );
    }
    taken.set(graphqlName, column.name);
    columns.set(column.name, toColumn(column, graphqlName, config?.comment, enumTableOf(column.name, catalog, enums)));
  }
  return columns;
}

/** Every column of the database, also those that GraphQL does not know: event payloads carry them. */
export function databaseColumns({ table, catalog }: TableDraft): Column[] {
  return catalog.columns.map(
    (column) => table.columns.get(column.name) ?? toColumn(column, column.name, undefined, undefined),
  );
}

function toColumn(
  column: CatalogColumn,
  graphqlName: string,
  comment: string | undefined,
  enumTable: string | undefined,
): Column {
  const writable = !column.generated && column.identity !== "always";
  return {
    name: column.name,
    graphqlName,
    type: column.type,
    nullable: column.nullable,
    insertable: writable,
    updatable: writable,
    comment: comment ?? column.comment,
    enumTable,
  };
}

function enumTableOf(column: string, catalog: CatalogTable, enums: ReadonlyMap<string, unknown>): string | undefined {
  return catalog.foreignKeys.find(
    ({ columns, target }) => columns.length === 1 && columns[0] === column && enums.has(target),
  )?.target;
}

function claimRootFields(table: Table, owner: string, owners: RootFieldOwners): void {
  const claims: string[] = [];
  for (const [kind, { name }] of rootFieldEntries(table)) {
    if (kind.endsWith("_by_pk") && table.primaryKey === undefined) continue;
    const root = rootOf(kind);
    claims.push(`${root} ${name}`);
    if (root === "query") claims.push(`subscription ${name}`);
  }
  claim(claims, owner, owners);
}

function rootFieldEntries(table: Table): [RootFieldKind, { readonly name: string }][] {
  const { rootFields: names } = table;
  return [
    ["select", names.select],
    ["select_by_pk", names.select_by_pk],
    ["select_aggregate", names.select_aggregate],
    ["select_stream", names.select_stream],
    ["insert", names.insert],
    ["insert_one", names.insert_one],
    ["update", names.update],
    ["update_by_pk", names.update_by_pk],
    ["update_many", names.update_many],
    ["delete", names.delete],
    ["delete_by_pk", names.delete_by_pk],
  ];
}

/** Takes the root fields for an object, or none of them: the later of two claimants is inconsistent. */
export function claim(claims: readonly string[], owner: string, owners: RootFieldOwners): void {
  for (const wanted of claims) {
    const holder = owners.get(wanted);
    if (holder === undefined) continue;
    const [root, field] = wanted.split(" ");
    throw new InconsistencyError(
      "unexpected",
      `Encountered conflicting definitions in the selection set for '${root}_root' for field '${field}' defined in [${holder}, ${owner}]. Fields must not be defined more than once across all sources.`,
    );
  }
  for (const wanted of claims) owners.set(wanted, owner);
}
