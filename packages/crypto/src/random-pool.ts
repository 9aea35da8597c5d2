import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4_096;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/**
 * A few random bytes from a block that is drawn at once, since each draw costs as much as hashing a kilobyte. For what
 * others may see, such as ids and IVs; keys and tokens are drawn one by one and lie in no pool.
 * @param size much less than 4 KiB
 */
export function pooledRandomBytes(size: number): Buffer {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += size;
  return Buffer.from(pool.subarray(used - size, used));
}
