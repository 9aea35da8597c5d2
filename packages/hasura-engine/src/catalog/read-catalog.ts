import type pg from "pg";
import { z } from "zod";
import type { Catalog, CatalogTable } from "./catalog.ts";
import { CATALOG_STATEMENT } from "./catalog-statement.ts";
import { resolveTypes, typeRowSchema } from "./resolve-types.ts";

type TableName = { readonly schema: string; readonly name: string };

const textSchema = z.string();
const optionalTextSchema = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);
const columnRowSchema = z.object({
  name: textSchema,
  type: z.number(),
  notNull: z.boolean(),
  generated: z.boolean(),
  identity: z.enum(["", "a", "d"]),
  comment: optionalTextSchema,
});
const keyRowSchema = z.object({ name: textSchema, primary: z.boolean(), columns: z.array(textSchema) });
const foreignKeyRowSchema = z.object({
  name: textSchema,
  schema: textSchema,
  table: textSchema,
  columns: z.array(textSchema),
  targetColumns: z.array(textSchema),
});
const tableRowSchema = z.object({
  schema: textSchema,
  name: textSchema,
  kind: z.enum(["r", "v", "m", "p", "f"]),
  comment: optionalTextSchema,
  writable: z.number(),
  columns: z.array(columnRowSchema),
  keys: z.array(keyRowSchema),
  foreignKeys: z.array(foreignKeyRowSchema),
});
const catalogSchema = z.object({ types: z.array(typeRowSchema), tables: z.array(tableRowSchema) });
const answerSchema = z.tuple([z.object({ catalog: z.string() })]);

const TABLE_KINDS = {
  r: "table",
  v: "view",
  m: "materialized-view",
  p: "partitioned-table",
  f: "foreign-table",
} as const satisfies Record<z.infer<typeof tableRowSchema>["kind"], CatalogTable["kind"]>;
/** Bits of `pg_relation_is_updatable`: 1 << CmdType. */
const CAN_UPDATE = 4;
const CAN_INSERT = 8;
const CAN_DELETE = 16;

/** Facts about the named tables; names that do not exist are simply not in the answer. */
export async function readCatalog(
  pool: Pick<pg.Pool, "query">,
  tables: readonly (TableName & { readonly isEnum: boolean })[],
): Promise<Catalog> {
  const { rows } = await pool.query(CATALOG_STATEMENT, [
    JSON.stringify(tables.map(({ schema, name }) => [schema, name])),
  ]);
  const raw = catalogSchema.parse(JSON.parse(answerSchema.parse(rows)[0].catalog));
  const types = resolveTypes(raw.types);
  const found = new Map<string, CatalogTable>();
  for (const row of raw.tables) found.set(`${row.schema}.${row.name}`, toTable(row, types));
  const enumRows = new Map<string, (string | null)[][]>();
  for (const { schema, name } of tables.filter(({ isEnum }) => isEnum)) {
    const table = found.get(`${schema}.${name}`);
    if (table !== undefined) enumRows.set(`${schema}.${name}`, await readEnumRows(pool, table));
  }
  return { tables: found, types: types.byName, enumRows };
}

function toTable(row: z.infer<typeof tableRowSchema>, types: ReturnType<typeof resolveTypes>): CatalogTable {
  return {
    schema: row.schema,
    name: row.name,
    kind: TABLE_KINDS[row.kind],
    comment: row.comment,
    columns: row.columns.map((column) => {
      const { type, extension, notNull } = types.byOid(column.type);
      return {
        name: column.name,
        type,
        typeExtension: extension,
        nullable: !column.notNull && !notNull,
        generated: column.generated,
        identity: column.identity === "a" ? "always" : column.identity === "d" ? "by-default" : undefined,
        comment: column.comment,
      };
    }),
    primaryKey: row.keys.filter(({ primary }) => primary).map(({ name, columns }) => ({ name, columns }))[0],
    uniqueKeys: row.keys.filter(({ primary }) => !primary).map(({ name, columns }) => ({ name, columns })),
    foreignKeys: row.foreignKeys.map(({ name, columns, targetColumns, schema, table }) => ({
      name,
      columns,
      targetColumns,
      target: `${schema}.${table}`,
    })),
    insertable: (row.writable & CAN_INSERT) !== 0,
    updatable: (row.writable & CAN_UPDATE) !== 0,
    deletable: (row.writable & CAN_DELETE) !== 0,
  };
}

/** Rows as text, columns in the table's order, ordered by the first; the shape of the table is judged by the model. */
async function readEnumRows(pool: Pick<pg.Pool, "query">, table: CatalogTable): Promise<(string | null)[][]> {
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const list = table.columns.map(({ name }) => `${quote(name)}::text`).join(", ");
  const { rows } = await pool.query(
    `select pg_catalog.json_build_array(${list})::text as row from ${quote(table.schema)}.${quote(table.name)} order by 1`,
  );
  return z
    .array(z.object({ row: z.string() }))
    .parse(rows)
    .map(({ row }) => z.array(z.string().nullable()).parse(JSON.parse(row)));
}
