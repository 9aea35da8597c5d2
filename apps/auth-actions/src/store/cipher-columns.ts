import type { Place } from "@control-plane/crypto";
import type { Queryable } from "@control-plane/db";
import { type SQL, sql } from "drizzle-orm";
import { z } from "zod";

/** A column of sealed values. `place` is the table's name in what the values are bound to. */
export type CipherColumn = {
  readonly table: string;
  readonly place: string;
  readonly column: string;
  /** Rows of one tenant; the platform's own have null. */
  readonly tenant: "tenant_id" | null;
};

/** Every one there is; a column that is missing here would be lost when its key is destroyed. */
export const CIPHER_COLUMNS = [
  { table: "connections", place: "connections", column: "secret_cipher", tenant: "tenant_id" },
  { table: "connections", place: "connections", column: "access_token_cipher", tenant: "tenant_id" },
  { table: "triggers", place: "triggers", column: "webhook_secret_cipher", tenant: "tenant_id" },
  { table: "triggers", place: "triggers", column: "webhook_secret_previous_cipher", tenant: "tenant_id" },
  { table: "webhook_deliveries", place: "webhook_deliveries", column: "body_cipher", tenant: "tenant_id" },
  { table: "internal.emails", place: "emails", column: "payload_cipher", tenant: "tenant_id" },
  { table: "internal.signing_keys", place: "signing_keys", column: "private_key_cipher", tenant: null },
] as const satisfies readonly CipherColumn[];

/** A sealed value with the row it lies in. */
export type SealedValue = { id: string; tenantId: string | null; sealed: Buffer };

const sealedSchema = z.array(z.object({ id: z.uuid(), tenant_id: z.uuid().nullable(), sealed: z.instanceof(Buffer) }));

/** Which values: those of one tenant, those sealed with one of the keys, or all. */
export type Selection = { tenantId?: string | undefined; keyIds?: readonly string[] | undefined };

/** Values of a column, by id, behind `after`. */
export async function readSealedValues(
  db: Queryable,
  column: CipherColumn,
  selection: Selection,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<SealedValue[]> {
  const { rows } = await db.execute(sql`
    select id, ${tenantOf(column)} as tenant_id, ${sql.identifier(column.column)} as sealed
      from ${sql.raw(column.table)}
     where ${selected(column, selection)} ${after === undefined ? sql`` : sql`and id > ${after}::uuid`}
     order by id limit ${limit}`);
  return sealedSchema.parse(rows).map(({ id, tenant_id: tenantId, sealed }) => ({ id, tenantId, sealed }));
}

/** Puts a value in place of the one that was read; whoever wrote meanwhile wins. */
export async function replaceSealedValue(
  tx: Queryable,
  column: CipherColumn,
  { id, sealed }: SealedValue,
  anew: Buffer,
): Promise<void> {
  const name = sql.identifier(column.column);
  await tx.execute(
    sql`update ${sql.raw(column.table)} set ${name} = ${anew} where id = ${id}::uuid and ${name} = ${sealed}`,
  );
}

const countsSchema = z.array(z.object({ key: z.string(), count: z.coerce.number() }));

/** How many values of the column each key has, by its id in hex. */
export async function countValuesPerKey(
  db: Queryable,
  column: CipherColumn,
  selection: Selection = {},
): Promise<Map<string, number>> {
  const { rows } = await db.execute(sql`
    select encode(${keyOf(column)}, 'hex') as key, count(*) as count
      from ${sql.raw(column.table)} where ${selected(column, selection)} group by 1`);
  return new Map(countsSchema.parse(rows).map(({ key, count }) => [key, count]));
}

/** True where no column has a value of the key; `key` is a column of the outer statement. */
export function unused(key: SQL): SQL {
  const uses = CIPHER_COLUMNS.map(
    (column) => sql`exists (select 1 from ${sql.raw(column.table)} where ${keyOf(column)} = uuid_send(${key}))`,
  );
  return sql`not (${sql.join(uses, sql` or `)})`;
}

export function placeOf(column: CipherColumn, { id, tenantId }: SealedValue): Place {
  return { tenantId, table: column.place, rowId: id, column: column.column };
}

function tenantOf({ tenant }: CipherColumn): SQL {
  return tenant === null ? sql`null::uuid` : sql.raw(tenant);
}

/** The id of the data key stands behind the format's version. */
function keyOf({ column }: CipherColumn): SQL {
  return sql`substring(${sql.identifier(column)} from 2 for 16)`;
}

function selected(column: CipherColumn, { tenantId, keyIds }: Selection): SQL {
  const parts = [sql`${sql.identifier(column.column)} is not null`];
  if (tenantId !== undefined) parts.push(sql`${tenantOf(column)} = ${tenantId}::uuid`);
  if (keyIds !== undefined) {
    const ids = keyIds.map((id) => Buffer.from(id.replaceAll("-", ""), "hex"));
    parts.push(sql`${keyOf(column)} = any(${sql.param(ids)}::bytea[])`);
  }
  return sql.join(parts, sql` and `);
}
