import type { Holder } from "../session/holder.ts";

/** Things that stay, sockets and live queries: so many of each holder. */
export type CountShares = {
  readonly each: number;
  /** False when the holder has as many as it may. */
  take(holder: Holder): boolean;
  giveBack(holder: Holder): void;
};

export function createCountShares(each: number): CountShares {
  const taken = new Map<string, number>();
  return {
    each,
    take(holder) {
      const own = taken.get(holder.key) ?? 0;
      if (!holder.exempt && own >= each) return false;
      taken.set(holder.key, own + 1);
      return true;
    },
    giveBack(holder) {
      const own = (taken.get(holder.key) ?? 0) - 1;
      if (own > 0) taken.set(holder.key, own);
      else taken.delete(holder.key);
    },
  };
}
