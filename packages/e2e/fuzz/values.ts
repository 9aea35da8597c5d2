import type { Random } from "@control-plane/testkit/random";

/** What documents may name: values that rows of both tenants and of the catalogue hold. */
export type ValuePool = {
  /** Distinct values of a column, by `table.column`. */
  readonly ofColumn: ReadonlyMap<string, readonly unknown[]>;
  readonly ids: readonly string[];
  readonly texts: readonly string[];
  readonly times: readonly string[];
};

export type PooledRow = { readonly table: string; readonly row: Readonly<Record<string, unknown>> };

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT/;

export function poolOf(rows: readonly PooledRow[]): ValuePool {
  const ofColumn = new Map<string, Map<string, unknown>>();
  const strings = new Set<string>();
  for (const { table, row } of rows) {
    for (const [column, value] of Object.entries(row)) {
      if (value === null) continue;
      if (typeof value === "string") strings.add(value);
      const key = `${table}.${column}`;
      const known = ofColumn.get(key) ?? new Map<string, unknown>();
      ofColumn.set(key, known);
      const text = JSON.stringify(value);
      if (!known.has(text)) known.set(text, value);
    }
  }
  const all = [...strings];
  return {
    ofColumn: new Map([...ofColumn].map(([key, known]) => [key, [...known.values()]])),
    ids: all.filter((text) => ID.test(text)),
    texts: all.filter((text) => !ID.test(text) && !TIME.test(text) && text.length < 100),
    times: all.filter((text) => TIME.test(text)),
  };
}

/**
 * A value of a scalar, most often one that the column holds somewhere.
 * @param column `table.column`, where the place belongs to one
 */
export function drawValue(pool: ValuePool, random: Random, scalar: string, column: string | undefined): unknown {
  const held = column === undefined ? undefined : pool.ofColumn.get(column);
  if (held !== undefined && random.chance(0.75)) return random.pick(held);
  switch (scalar) {
    case "uuid":
    case "ID":
      return random.chance(0.1) ? drawId(random) : random.pick(pool.ids);
    case "Int":
    case "smallint":
    case "bigint":
    case "numeric":
    case "Float":
    case "float8":
      return random.pick([-1, 0, 1, 2, 3, 10, 1_000]);
    case "Boolean":
      return random.chance(0.5);
    case "timestamptz":
      return random.pick(pool.times);
    case "jsonb":
      return random.pick<unknown>([
        {},
        [],
        "text",
        1,
        { mark: random.pick(pool.texts) },
        { schemaVersion: 1, steps: [] },
      ]);
    case "inet":
      return "127.0.0.1";
    default:
      return random.pick(pool.texts);
  }
}

/** For `_like`, `_regex` and their like: a piece of a text that is there, with wildcards around it. */
export function drawPattern(pool: ValuePool, random: Random, operator: string, column: string | undefined): string {
  const text = String(drawValue(pool, random, "String", column));
  const from = random.int(0, Math.max(0, text.length - 4));
  const piece = text.slice(from, from + random.int(1, 8));
  if (/regex/.test(operator)) return random.pick(["^", ""]) + piece.replaceAll(/[^\w-]/g, ".");
  return random.pick([`%${piece}%`, `${piece}%`, "%", text]);
}

/** Of no row. */
function drawId(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(0, 15).toString(16)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
