import type { Role, TrackedTable } from "./tracked-tables.ts";

/** The root fields Hasura makes of a table, and the live query, which is the list again. */
export const KINDS = [
  "list",
  "by_pk",
  "aggregate",
  "live list",
  "stream",
  "insert",
  "insert_one",
  "update",
  "update_many",
  "update_by_pk",
  "delete",
  "delete_by_pk",
] as const;
export type Kind = (typeof KINDS)[number];

type Field = {
  operation: "query" | "mutation" | "subscription";
  name: (table: string) => string;
  granted: (table: TrackedTable, role: Role) => boolean;
  /** Arguments that fit where the field exists. */
  probe: string;
};

const NOBODY = "00000000-0000-4000-8000-000000000000";

const selects = ({ select }: TrackedTable, role: Role): boolean => select.has(role);
const selectsId = ({ select }: TrackedTable, role: Role): boolean => select.get(role)?.columns.includes("id") === true;

export const FIELDS = {
  list: { operation: "query", name: (t) => t, granted: selects, probe: "(limit: 1)" },
  by_pk: { operation: "query", name: (t) => `${t}_by_pk`, granted: selectsId, probe: `(id: "${NOBODY}")` },
  aggregate: {
    operation: "query",
    name: (t) => `${t}_aggregate`,
    granted: ({ select }, role) => select.get(role)?.aggregates === true,
    probe: "(limit: 1)",
  },
  "live list": { operation: "subscription", name: (t) => t, granted: selects, probe: "(limit: 1)" },
  stream: {
    operation: "subscription",
    name: (t) => `${t}_stream`,
    granted: selects,
    probe: `(batch_size: 1, cursor: {initial_value: {id: "${NOBODY}"}})`,
  },
  insert: {
    operation: "mutation",
    name: (t) => `insert_${t}`,
    granted: ({ insert }, role) => insert.has(role),
    probe: "(objects: [])",
  },
  insert_one: {
    operation: "mutation",
    name: (t) => `insert_${t}_one`,
    granted: (table, role) => table.insert.has(role) && selects(table, role),
    probe: "(object: {})",
  },
  update: {
    operation: "mutation",
    name: (t) => `update_${t}`,
    granted: ({ update }, role) => update.has(role),
    probe: "(where: {})",
  },
  update_many: {
    operation: "mutation",
    name: (t) => `update_${t}_many`,
    granted: ({ update }, role) => update.has(role),
    probe: "(updates: [])",
  },
  update_by_pk: {
    operation: "mutation",
    name: (t) => `update_${t}_by_pk`,
    granted: (table, role) => table.update.has(role) && selectsId(table, role),
    probe: `(pk_columns: {id: "${NOBODY}"})`,
  },
  delete: {
    operation: "mutation",
    name: (t) => `delete_${t}`,
    granted: (table, role) => table.delete.has(role),
    probe: "(where: {})",
  },
  delete_by_pk: {
    operation: "mutation",
    name: (t) => `delete_${t}_by_pk`,
    granted: (table, role) => table.delete.has(role) && selectsId(table, role),
    probe: `(id: "${NOBODY}")`,
  },
} as const satisfies Record<Kind, Field>;

/** A whole request for the field, as small as its arguments allow. */
export function probe(kind: Kind, table: string): string {
  const { operation, name, probe: given } = FIELDS[kind];
  return `${operation} { ${name(table)}${given} { __typename } }`;
}
