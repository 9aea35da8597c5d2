import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Holder } from "../session/holder.ts";
import { createCountShares } from "../shares/count-shares.ts";
import type { Statement } from "../sql/statement.ts";

/** Names under which PostgreSQL keeps statements planned, on each connection. */
export type StatementNames = {
  /** Undefined for a statement that stays unnamed. */
  nameOf(statement: Statement, holder: Holder): string | undefined;
};

export type StatementNameLimits = {
  readonly max: number;
  /** Of one holder: names count for who asked first. */
  readonly eachMax: number;
  /** A name that nobody uses for so long is free again. */
  readonly unusedMsMax: number;
  /** Longer texts are rare, and their plans would fill the memory of every connection. */
  readonly textMax: number;
};

const TTL_RESOLUTION_MS = 1_000;

export function createStatementNames({ max, eachMax, unusedMsMax, textMax }: StatementNameLimits): StatementNames {
  const shares = createCountShares(eachMax);
  const names = new LRUCache<string, { readonly name: string; readonly holder: Holder }>({
    max,
    ttl: unusedMsMax,
    // The clock is asked, and a timer set, once in so long instead of every millisecond.
    ttlResolution: TTL_RESOLUTION_MS,
    updateAgeOnGet: true,
    ttlAutopurge: true,
    dispose: ({ holder }) => shares.giveBack(holder),
  });
  const seen = new WeakSet<Statement>();
  return {
    nameOf(statement, holder) {
      if (statement.text.length > textMax) return undefined;
      // A statement that comes a second time is worth a name: parsing and planning are then paid once per connection.
      if (!seen.has(statement)) {
        seen.add(statement);
        return undefined;
      }
      const known = names.get(statement.text);
      if (known !== undefined) return known.name;
      if (names.size >= max || !shares.take(holder)) return undefined;
      const name = `e_${createHash("sha256").update(statement.text).digest("hex").slice(0, 40)}`;
      names.set(statement.text, { name, holder });
      return name;
    },
  };
}
