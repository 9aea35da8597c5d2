import { sqlState } from "./sql-state.ts";

/** Serialization failure and deadlock: PostgreSQL undid everything and asks for it again. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01"]);
const TRIES_MAX = 3;

/** Does work that PostgreSQL undid up to three times; the last failure is the caller's. */
export async function repeatOnConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= TRIES_MAX || !CONFLICTS.has(sqlState(error) ?? "")) throw error;
    }
  }
}
