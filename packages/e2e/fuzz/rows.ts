import type pg from "pg";
import type { PooledRow } from "./values.ts";

/** What the tracked tables hold: as marks that change with every write, and row by row. */
export type RowReader = {
  marks(sql: pg.Pool): Promise<{ mine: string; foreign: string }>;
  all(sql: pg.Pool): Promise<(PooledRow & { readonly mine: boolean })[]>;
};

/** `mine` are the rows of that tenant; all others are foreign, those of the catalogue too. */
export function createRowReader(tables: readonly string[], tenantId: string): RowReader {
  const union = (row: string): string =>
    tables
      .map(
        (table) =>
          `select '${table}' as name, ${row} as row, coalesce(${ownedBy(table)}, false) as mine from ${table} t`,
      )
      .join(" union all ");
  // Where the versions of the rows lie and which transaction wrote them.
  const marks = `select coalesce(string_agg(name || row, '') filter (where mine), '') as mine,
                        coalesce(string_agg(name || row, '') filter (where not mine), '') as foreign
                   from (${union("t.ctid::text || t.xmin::text")}) r`;
  const all = `select name, row, mine from (${union("to_jsonb(t)")}) r order by name, row ->> 'id'`;
  return {
    async marks(sql) {
      const [found] = (await sql.query<{ mine: string; foreign: string }>(marks, [tenantId])).rows;
      if (found === undefined) throw new Error("an aggregate gave no row");
      return found;
    },
    async all(sql) {
      type Row = { name: string; row: Record<string, unknown>; mine: boolean };
      const { rows } = await sql.query<Row>(all, [tenantId]);
      return rows.map(({ name, row, mine }) => ({ table: name, row, mine }));
    },
  };
}

function ownedBy(table: string): string {
  if (table === "tenants") return "t.id = $1";
  if (table === "users") return "exists (select from memberships m where m.user_id = t.id and m.tenant_id = $1)";
  return "t.tenant_id = $1";
}
