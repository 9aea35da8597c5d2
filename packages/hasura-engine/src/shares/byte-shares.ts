import type { Holder } from "../session/holder.ts";

/** Bytes that are held for clients: of each holder no more than its share, and all together no more than the process can. */
export type ByteShares = {
  /** The bound that would be passed, in bytes; then nothing is held. */
  hold(holder: Holder, bytes: number): { readonly bytesMax: number; readonly of: "one" | "all" } | undefined;
  release(holder: Holder, bytes: number): void;
};

/** Who holds no more than this is served on when all together hold too much. */
const ALWAYS_BYTES = 128 * 1024;

export function createByteShares(bounds: { readonly total: number; readonly each: number }): ByteShares {
  const held = new Map<string, number>();
  let all = 0;
  return {
    hold(holder, bytes) {
      const own = (held.get(holder.key) ?? 0) + bytes;
      if (!holder.exempt && own > bounds.each) return { bytesMax: bounds.each, of: "one" };
      if (all + bytes > bounds.total && own > ALWAYS_BYTES) return { bytesMax: bounds.total, of: "all" };
      held.set(holder.key, own);
      all += bytes;
      return undefined;
    },
    release(holder, bytes) {
      const own = (held.get(holder.key) ?? 0) - bytes;
      if (own > 0) held.set(holder.key, own);
      else held.delete(holder.key);
      all -= bytes;
    },
  };
}
