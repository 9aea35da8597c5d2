import type pg from "pg";
import type { EventTrigger } from "../model/model.ts";
import { sqlState } from "../statement-error.ts";

/** SQLSTATE of `could not identify an equality operator for type …`. */
const UNDEFINED_FUNCTION = "42883";

/**
 * Which types of listened columns have no equality (json, xml, point, composites of such …), by their SQL text. The
 * database is asked, since extensions bring types and operators of their own.
 */
export async function typesWithoutEquality(
  pool: pg.Pool,
  triggers: readonly EventTrigger[],
): Promise<ReadonlySet<string>> {
  const types = new Set(triggers.flatMap(({ update }) => (update?.columns ?? []).map(({ type }) => type.sql)));
  const found = new Set<string>();
  for (const type of types) if (!(await hasEquality(pool, type))) found.add(type);
  return found;
}

async function hasEquality(pool: pg.Pool, typeSql: string): Promise<boolean> {
  try {
    await pool.query(`select pg_catalog.record_eq(row(null::${typeSql}), row(null::${typeSql}))`);
    return true;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_FUNCTION) return false;
    throw error;
  }
}
