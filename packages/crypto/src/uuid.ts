import { pooledRandomBytes } from "./random-pool.ts";

let lastMs = 0;
let counter = 0;

/**
 * A time-ordered id (RFC 9562, version 7) for rows whose id must be known before they are inserted. Ids of one process
 * rise strictly: within a millisecond the 12 bits behind the time count up.
 */
export function uuidv7(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = pooledRandomBytes(1).readUInt8(0);
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const bytes = pooledRandomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
