import type pg from "pg";
import type { z } from "zod";

/** What a gauge shows when it is asked; undefined while PostgreSQL is away. */
export async function readGauge<T>(
  pool: Pick<pg.Pool, "query">,
  text: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  try {
    return schema.parse((await pool.query(text)).rows);
  } catch {
    return undefined;
  }
}
