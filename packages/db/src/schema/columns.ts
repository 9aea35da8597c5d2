import type { Column, SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import { check, customType, timestamp, uuid } from "drizzle-orm/pg-core";

/** Raw bytes: ciphers and digests. */
export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => "bytea" });

/** JSON. drizzle's own column would read a stored text such as `"5"` as a number. */
export const jsonb = customType<{ data: unknown; driverData: unknown }>({
  dataType: () => "jsonb",
  toDriver: (value) => JSON.stringify(value),
});

/** An instant; the name ends in `_at`. */
export const instant = (name: string) => timestamp(name, { withTimezone: true });

/** `id`, a time-ordered uuid made by the database unless the caller needs it earlier. */
export const id = () => uuid("id").primaryKey().default(sql`uuidv7()`);

export const createdAt = () => instant("created_at").notNull().defaultNow();

/** Kept current by a database trigger; what a writer gives is ignored. */
export const updatedAt = () => instant("updated_at").notNull().defaultNow();

/** Length in characters, both ends included; a null passes. */
export function lengthBetween(name: string, column: Column, min: number, max: number) {
  return check(name, sql`char_length(${column}) between ${sql.raw(String(min))} and ${sql.raw(String(max))}`);
}

/** The name of a thing as people write it. */
export function nameLength(name: string, column: Column) {
  return lengthBetween(name, column, 1, 120);
}

export function descriptionLength(name: string, column: Column) {
  return lengthBetween(name, column, 0, 2000);
}

/** Digests are SHA-256: 32 bytes. */
export function digestLength(name: string, column: Column) {
  return check(name, sql`octet_length(${column}) = 32`);
}

export function numberBetween(name: string, column: Column, min: number, max: number) {
  return check(name, sql`${column} between ${sql.raw(String(min))} and ${sql.raw(String(max))}`);
}

export function matches(name: string, column: Column, pattern: string) {
  return check(name, sql`${column} ~ ${sql.raw(`'${pattern}'`)}`);
}

/** Empty JSON object, the default of required jsonb columns. */
export const emptyObject: SQL = sql`'{}'::jsonb`;
export const emptyTextArray: SQL = sql`'{}'::text[]`;
