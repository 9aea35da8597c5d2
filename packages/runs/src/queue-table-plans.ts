import type { Transaction } from "@control-plane/db";
import { sql } from "drizzle-orm";

/**
 * For the rest of the transaction statements walk indexes in their order and look rows up, whatever the statistics say.
 * Those of a queue are always of another hour: a table that was empty when it was last counted holds 100,000 rows now.
 */
export async function planByIndexOrder(tx: Transaction): Promise<void> {
  await tx.execute(sql`
    select set_config(name, 'off', true)
      from unnest(array['enable_seqscan','enable_bitmapscan','enable_sort','enable_hashjoin','enable_mergejoin']) name`);
}
