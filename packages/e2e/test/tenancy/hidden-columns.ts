import type { Stage } from "./stage.ts";
import type { Role, TrackedTable } from "./tracked-tables.ts";

/** Columns that no role may read or write, whatever metadata and permissions.yaml say: secrets, digests and leases. */
const NEVER = [
  /^password_hash$/,
  /_cipher$/,
  /^(?!content_hash$).*_hash$/,
  /^(dedupe_key|replay_key|lease_expires_at|runner_id|last_event_seq|traceparent|payload)$/,
];

function isSecret(column: string): boolean {
  return NEVER.some((pattern) => pattern.test(column));
}

export type HiddenUse = { document: string; message: string };

/** Every use of a column in a place where the role may not use it, and what must be answered. */
export function hiddenUses(stage: Stage, table: TrackedTable, role: Role): HiddenUse[] {
  const { name } = table;
  const others = (granted: readonly string[] | undefined): string[] =>
    granted === undefined ? [] : stage.columns(name).filter((column) => isSecret(column) || !granted.includes(column));
  const use = (document: string, column: string, type: string): HiddenUse => ({
    document,
    message: `field '${column}' not found in type: '${type}'`,
  });
  return [
    ...others(table.select.get(role)?.columns).flatMap((column) => [
      use(`query { ${name} { ${column} } }`, column, name),
      use(`query { ${name}(where: {${column}: {_is_null: true}}) { id } }`, column, `${name}_bool_exp`),
      use(`query { ${name}(order_by: {${column}: asc}) { id } }`, column, `${name}_order_by`),
    ]),
    ...others(table.insert.get(role)).map((column) =>
      use(
        `mutation { insert_${name}(objects: [{${column}: null}]) { affected_rows } }`,
        column,
        `${name}_insert_input`,
      ),
    ),
    ...others(table.update.get(role)).map((column) =>
      use(
        `mutation { update_${name}(where: {id: {_is_null: true}}, _set: {${column}: null}) { affected_rows } }`,
        column,
        `${name}_set_input`,
      ),
    ),
  ];
}
