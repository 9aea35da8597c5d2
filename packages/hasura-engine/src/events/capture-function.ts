import { createHash } from "node:crypto";
import type { Column, EventOperation, EventTrigger } from "../model/model.ts";
import { quoteIdentifier, quoteLiteral, tableName } from "../sql/identifier.ts";
import { jsonObject, numbersAsTexts } from "../sql/rows-sql.ts";
import { OWN_SCHEMA } from "./own-tables.ts";

const OPERATIONS = ["insert", "update", "delete"] as const;
type OperationName = (typeof OPERATIONS)[number];

/** A function that captures one operation of one trigger, and the database trigger that calls it. */
export type Capture = {
  readonly schema: string;
  readonly table: string;
  /** Of both; a hash of the definition, so that another definition is another function. */
  readonly name: string;
  readonly functionSql: string;
  readonly triggerSql: string;
};

export type CaptureOptions = {
  readonly stringifyNumericTypes: boolean;
  /** SQL texts of types. */
  readonly withoutEquality: ReadonlySet<string>;
};

export function capturesOf(trigger: EventTrigger, options: CaptureOptions): Capture[] {
  return OPERATIONS.flatMap((operation) => {
    const definition = trigger[operation];
    return definition === undefined ? [] : [captureOf(trigger, operation, definition, options)];
  });
}

function captureOf(
  trigger: EventTrigger,
  operation: OperationName,
  definition: EventOperation,
  options: CaptureOptions,
): Capture {
  const { table } = trigger;
  const body = functionBody(trigger, operation, definition, options);
  const hash = createHash("sha256").update(`${table.key}\n${trigger.name}\n${operation}\n${body}`).digest("hex");
  const name = `event_${hash.slice(0, 32)}`;
  const qualified = `${OWN_SCHEMA}.${quoteIdentifier(name)}`;
  return {
    schema: table.schema,
    table: table.name,
    name,
    functionSql: `create function ${qualified}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as ${quoteLiteral(body)}`,
    triggerSql: `create trigger ${quoteIdentifier(name)} after ${operation} on ${tableName(table)} for each row execute function ${qualified}()`,
  };
}

/** The table's name is a constant, so a partition reports its parent. */
function functionBody(
  { name, table }: EventTrigger,
  operation: OperationName,
  { columns, payload }: EventOperation,
  options: CaptureOptions,
): string {
  const rowJson = (record: "OLD" | "NEW"): string =>
    jsonObject(
      payload.map((column) => ({
        key: quoteLiteral(column.name),
        value: numbersAsTexts(`${record}.${quoteIdentifier(column.name)}`, column.type, options),
      })),
    );
  const oldRow = operation === "insert" ? "NULL::json" : rowJson("OLD");
  const newRow = operation === "delete" ? "NULL::json" : rowJson("NEW");
  const event = jsonObject([
    { key: "'op'", value: quoteLiteral(operation.toUpperCase()) },
    {
      key: "'data'",
      value: jsonObject([
        { key: "'old'", value: oldRow },
        { key: "'new'", value: newRow },
      ]),
    },
    { key: "'session_variables'", value: "nullif(current_setting('hasura.user', true), '')::json" },
    { key: "'trace_context'", value: "nullif(current_setting('hasura.tracecontext', true), '')::json" },
  ]);
  return `
begin
  if ${operation === "update" ? changedSql(columns, options) : "TRUE"} then
    insert into ${OWN_SCHEMA}.event_log (schema_name, table_name, trigger_name, payload)
    values (${quoteLiteral(table.schema)}, ${quoteLiteral(table.name)}, ${quoteLiteral(name)}, (${event})::jsonb);
  end if;
  return null;
end`;
}

/**
 * `<>` and `*<>` on the row of listened columns, by their functions: those find a type's own equality through the
 * catalogue, where an operator would be looked for on the fixed search_path and miss those of extensions.
 */
function changedSql(columns: readonly Column[], { withoutEquality }: CaptureOptions): string {
  const compare = (compared: readonly Column[], differs: string): string[] =>
    compared.length === 0 ? [] : [`${differs}(${rowSql("OLD", compared)}, ${rowSql("NEW", compared)})`];
  const byImage = columns.filter(({ type }) => withoutEquality.has(type.sql));
  const byValue = columns.filter(({ type }) => !withoutEquality.has(type.sql));
  return [...compare(byValue, "record_ne"), ...compare(byImage, "record_image_ne")].join(" OR ");
}

function rowSql(record: "OLD" | "NEW", columns: readonly Column[]): string {
  return `row(${columns.map(({ name }) => `${record}.${quoteIdentifier(name)}`).join(", ")})`;
}
