/** PostgreSQL's numbers of the types whose arrays can be made here. */
const TYPE_IDS = { bytea: 17, int4: 23, text: 25, uuid: 2950 } as const;

type Item = string | Buffer | number | undefined;

/**
 * A one-dimensional array as PostgreSQL sends and receives it in binary, for a parameter with a cast to `<type>[]`. node-postgres
 * sends a Buffer as it is; the text form of the same array would be written, escaped and read byte by byte on both sides.
 */
export function binaryArray(type: keyof typeof TYPE_IDS, items: readonly Item[]): Buffer {
  const sizes = items.map((item) => sizeOf(type, item));
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + sizes.reduce((sum, size) => sum + 4 + Math.max(size, 0), 0));
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(items.includes(undefined) ? 1 : 0, 4);
  bytes.writeInt32BE(TYPE_IDS[type], 8);
  bytes.writeInt32BE(items.length, 12);
  bytes.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const [index, item] of items.entries()) {
    const size = sizes[index] ?? NULL_SIZE;
    bytes.writeInt32BE(size, at);
    write(bytes, at + 4, type, item);
    at += 4 + Math.max(size, 0);
  }
  return bytes;
}

/** Dimensions, "has nulls", the type of the items, length, lower bound. */
const HEADER_BYTES = 20;
const NULL_SIZE = -1;
const UUID_BYTES = 16;

function sizeOf(type: keyof typeof TYPE_IDS, item: Item): number {
  if (item === undefined) return NULL_SIZE;
  if (typeof item === "number") return 4;
  if (typeof item !== "string") return item.length;
  return type === "uuid" ? UUID_BYTES : Buffer.byteLength(item);
}

function write(bytes: Buffer, at: number, type: keyof typeof TYPE_IDS, item: Item): void {
  if (item === undefined) return;
  if (typeof item === "number") bytes.writeInt32BE(item, at);
  else if (typeof item !== "string") item.copy(bytes, at);
  else if (type === "uuid") writeUuid(bytes, at, item);
  else bytes.write(item, at, "utf8");
}

/** Digit by digit: to take out the hyphens first costs four times as much, and a batch has four of them a row. */
function writeUuid(bytes: Buffer, at: number, text: string): void {
  let to = at;
  for (let from = 0; from < text.length && to < at + UUID_BYTES; from += 2) {
    if (text[from] === "-") from += 1;
    bytes[to] = (hexDigit(text, from) << 4) | hexDigit(text, from + 1);
    to += 1;
  }
}

/** Of `0` to `9` the code's last four bits are the value, of letters 9 more than these. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return (code & 0xf) + (code > 0x40 ? 9 : 0);
}
