import { createHash } from "node:crypto";
import type pg from "pg";
import type { Column, EventOperation, EventTrigger } from "../model/model.ts";
import { quoteIdentifier, quoteLiteral, tableName } from "../sql/identifier.ts";
import { isStringifiedType, jsonObject } from "../sql/rows-sql.ts";
import { createOwnTables, INSTALL_LOCK, OWN_SCHEMA } from "./own-tables.ts";

const OPERATIONS = ["insert", "update", "delete"] as const;
type OperationName = (typeof OPERATIONS)[number];

type Wanted = { readonly name: string; readonly functionSql: string; readonly triggerSql: string };

/** Types without an equality operator; their text is compared. */
const WITHOUT_EQUALITY = new Set(["json", "xml", "point", "polygon"]);

/**
 * Brings the capturing database triggers in line with the metadata: what is missing is made, what nobody names any more
 * is dropped, all in one transaction, so that no change of a row is ever captured twice or by half.
 */
export async function installEventTriggers(
  pool: pg.Pool,
  triggers: readonly EventTrigger[],
  stringifyNumericTypes: boolean,
): Promise<void> {
  const wanted = triggers.flatMap((trigger) =>
    OPERATIONS.flatMap((operation) => wantedOf(trigger, operation, stringifyNumericTypes)),
  );
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [INSTALL_LOCK]);
    await createOwnTables(client);
    const { rows } = await client.query<{ name: string }>(
      "select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1 and p.proname like 'event\\_%'",
      [OWN_SCHEMA],
    );
    const present = new Set(rows.map(({ name }) => name));
    const names = new Set(wanted.map(({ name }) => name));
    for (const name of present)
      if (!names.has(name)) await client.query(`drop function ${OWN_SCHEMA}.${quoteIdentifier(name)}() cascade`);
    for (const { name, functionSql, triggerSql } of wanted) {
      if (present.has(name)) continue;
      await client.query(functionSql);
      await client.query(triggerSql);
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

function wantedOf(trigger: EventTrigger, operation: OperationName, stringify: boolean): Wanted[] {
  const definition = trigger[operation];
  if (definition === undefined) return [];
  const body = functionBody(trigger, operation, definition, stringify);
  const hash = createHash("sha256")
    .update(`${trigger.table.key}\n${trigger.name}\n${operation}\n${body}`)
    .digest("hex")
    .slice(0, 32);
  const name = `event_${hash}`;
  const qualified = `${OWN_SCHEMA}.${quoteIdentifier(name)}`;
  return [
    {
      name,
      functionSql: `create function ${qualified}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as ${quoteLiteral(body)}`,
      triggerSql: `create trigger ${quoteIdentifier(name)} after ${operation} on ${tableName(trigger.table)} for each row execute function ${qualified}()`,
    },
  ];
}

/** The table's name is a constant, so a partition reports its parent. */
function functionBody(
  { name, table }: EventTrigger,
  operation: OperationName,
  { columns, payload }: EventOperation,
  stringify: boolean,
): string {
  const rowJson = (record: "OLD" | "NEW"): string =>
    jsonObject(payload.map((column) => ({ alias: column.name, value: columnSql(record, column, stringify) })));
  const oldRow = operation === "insert" ? "NULL::json" : rowJson("OLD");
  const newRow = operation === "delete" ? "NULL::json" : rowJson("NEW");
  const changed = operation === "update" ? columns.map(changedSql).join(" OR ") : "TRUE";
  const event = jsonObject([
    { alias: "op", value: quoteLiteral(operation.toUpperCase()) },
    {
      alias: "data",
      value: jsonObject([
        { alias: "old", value: oldRow },
        { alias: "new", value: newRow },
      ]),
    },
    { alias: "session_variables", value: "nullif(current_setting('hasura.user', true), '')::json" },
    { alias: "trace_context", value: "nullif(current_setting('hasura.tracecontext', true), '')::json" },
  ]);
  return `
begin
  if ${changed} then
    insert into ${OWN_SCHEMA}.event_log (schema_name, table_name, trigger_name, payload)
    values (${quoteLiteral(table.schema)}, ${quoteLiteral(table.name)}, ${quoteLiteral(name)}, (${event})::jsonb);
  end if;
  return null;
end`;
}

function columnSql(record: "OLD" | "NEW", column: Column, stringify: boolean): string {
  const value = `${record}.${quoteIdentifier(column.name)}`;
  if (!stringify || !isStringifiedType(column.type)) return value;
  return column.type.kind === "array" ? `${value}::text[]` : `${value}::text`;
}

function changedSql(column: Column): string {
  const name = quoteIdentifier(column.name);
  const element = column.type.element?.baseName ?? column.type.baseName;
  if (WITHOUT_EQUALITY.has(element)) return `OLD.${name}::text IS DISTINCT FROM NEW.${name}::text`;
  return `OLD.${name} IS DISTINCT FROM NEW.${name}`;
}
