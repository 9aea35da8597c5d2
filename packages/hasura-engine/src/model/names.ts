import { ROOT_FIELD_KINDS, type TableMetadata } from "../metadata/table-metadata.ts";
import { InconsistencyError } from "./inconsistency.ts";
import type { RootFieldKind, RootFieldNames } from "./model.ts";

export function isGraphqlName(text: string): boolean {
  return /^[_A-Za-z][_0-9A-Za-z]*$/.test(text);
}

/** Three words are literals of their own. */
export function isEnumValueName(text: string): boolean {
  return isGraphqlName(text) && !["true", "false", "null"].includes(text);
}

export function requireGraphqlName(text: string, what: string): string {
  if (!isGraphqlName(text))
    throw new InconsistencyError("validation-failed", `${what} "${text}" is not a valid GraphQL identifier`);
  return text;
}

/** Base name of all types and root fields of a table: the custom one, or the table's, outside `public` with its schema. */
export function baseName({ table, configuration }: TableMetadata): string {
  const name = configuration?.custom_name ?? (table.schema === "public" ? table.name : `${table.schema}_${table.name}`);
  if (!isGraphqlName(name)) {
    throw new InconsistencyError(
      "validation-failed",
      `"${name}" is not a valid GraphQL identifier; a custom_name must be configured for the table`,
    );
  }
  return name;
}

const DEFAULT_NAMES = {
  select: (base) => base,
  select_by_pk: (base) => `${base}_by_pk`,
  select_aggregate: (base) => `${base}_aggregate`,
  select_stream: (base) => `${base}_stream`,
  insert: (base) => `insert_${base}`,
  insert_one: (base) => `insert_${base}_one`,
  update: (base) => `update_${base}`,
  update_by_pk: (base) => `update_${base}_by_pk`,
  update_many: (base) => `update_${base}_many`,
  delete: (base) => `delete_${base}`,
  delete_by_pk: (base) => `delete_${base}_by_pk`,
} as const satisfies Record<RootFieldKind, (base: string) => string>;

export function rootFieldNames(metadata: TableMetadata, base: string): RootFieldNames {
  const custom = metadata.configuration?.custom_root_fields;
  const nameOf = (kind: RootFieldKind): { name: string; comment: string | undefined } => ({
    name: requireGraphqlName(custom?.[kind]?.name ?? DEFAULT_NAMES[kind](base), `the ${kind} root field`),
    comment: custom?.[kind]?.comment,
  });
  const names: RootFieldNames = {
    select: nameOf("select"),
    select_by_pk: nameOf("select_by_pk"),
    select_aggregate: nameOf("select_aggregate"),
    select_stream: nameOf("select_stream"),
    insert: nameOf("insert"),
    insert_one: nameOf("insert_one"),
    update: nameOf("update"),
    update_by_pk: nameOf("update_by_pk"),
    update_many: nameOf("update_many"),
    delete: nameOf("delete"),
    delete_by_pk: nameOf("delete_by_pk"),
  };
  const seen = new Set<string>();
  for (const kind of ROOT_FIELD_KINDS) {
    if (seen.has(names[kind].name)) {
      throw new InconsistencyError(
        "validation-failed",
        `the root field name "${names[kind].name}" is used more than once`,
      );
    }
    seen.add(names[kind].name);
  }
  return names;
}

const QUERY_KINDS: readonly RootFieldKind[] = ["select", "select_by_pk", "select_aggregate"];

/** Which of the two roots a table's root field belongs to; streams stand in the subscription root only. */
export function rootOf(kind: RootFieldKind): "query" | "mutation" | "subscription" {
  if (kind === "select_stream") return "subscription";
  return QUERY_KINDS.includes(kind) ? "query" : "mutation";
}
