import { z } from "zod";
import { type Ability, COMPARISONS, can, type PgType, type TypeKind } from "./pg-type.ts";

export const typeRowSchema = z.object({
  oid: z.number(),
  name: z.string(),
  schema: z.string(),
  sql: z.string(),
  type: z.enum(["b", "c", "d", "e", "m", "p", "r"]),
  element: z.number().nullable(),
  base: z.number().nullable(),
  notNull: z.boolean(),
  extension: z.string().nullable(),
  /** Types of a composite's columns. */
  attributes: z.array(z.number()).nullable(),
  /** These three of base types. */
  max: z.boolean(),
  operators: z.array(z.string()).nullable(),
  sorted: z.boolean(),
  comment: z.string().nullable(),
});
type TypeRow = z.infer<typeof typeRowSchema>;
type ResolvedType = {
  readonly type: PgType;
  readonly extension: string | undefined;
  /** Of a domain. */
  readonly notNull: boolean;
};

const TYPE_KINDS = {
  b: "base",
  c: "composite",
  d: "domain",
  e: "enum",
  m: "range",
  p: "pseudo",
  r: "range",
} as const satisfies Record<TypeRow["type"], TypeKind>;

/** GraphQL scalars that Hasura calls otherwise than PostgreSQL calls the type. */
const SCALAR_NAMES: ReadonlyMap<string, string> = new Map([
  ["int4", "Int"],
  ["bool", "Boolean"],
  ["float4", "Float"],
  ["text", "String"],
  ["varchar", "String"],
  ["int2", "smallint"],
  ["int8", "bigint"],
]);

export function resolveTypes(rows: readonly TypeRow[]): {
  readonly byOid: (oid: number) => ResolvedType;
  readonly byName: ReadonlyMap<string, PgType>;
} {
  const rowsByOid = new Map(rows.map((row) => [row.oid, row]));
  const resolved = new Map<number, ResolvedType>();
  const byOid = (oid: number): ResolvedType => {
    const known = resolved.get(oid);
    if (known !== undefined) return known;
    const row = rowsByOid.get(oid);
    if (row === undefined) throw new Error(`the catalogue names a type without telling about it: ${oid}`);
    const type = resolve(row, byOid, (attribute) => !rowsByOid.has(attribute) || can(byOid(attribute).type, "order"));
    resolved.set(oid, type);
    return type;
  };
  const byName = new Map<string, PgType>();
  const rank = (row: TypeRow): number => (row.schema === "pg_catalog" ? 0 : row.schema === "public" ? 1 : 2);
  for (const row of rows.toSorted((left, right) => rank(left) - rank(right))) {
    if (row.element === null && !byName.has(row.name)) byName.set(row.name, byOid(row.oid).type);
  }
  return { byOid, byName };
}

function resolve(row: TypeRow, byOid: (oid: number) => ResolvedType, isSorted: (oid: number) => boolean): ResolvedType {
  const own = row.extension ?? undefined;
  if (row.element !== null) {
    const { type: element, extension } = byOid(row.element);
    const type: PgType = {
      name: row.name,
      sql: `${element.sql}[]`,
      kind: "array",
      scalar: element.scalar,
      element,
      baseName: `_${element.baseName}`,
      // Arrays are compared item by item.
      ...lacking(can(element, "order") ? [] : ALL),
    };
    return { type, extension: own ?? extension, notNull: false };
  }
  if (row.base !== null) {
    const { type: base, extension, notNull } = byOid(row.base);
    // A domain over an array is filled like the array.
    const type: PgType = {
      name: row.name,
      sql: row.sql,
      kind: "domain",
      scalar: row.name,
      element: base.element,
      baseName: base.baseName,
      ...(base.lacks === undefined ? {} : { lacks: base.lacks }),
    };
    return { type, extension: own ?? extension, notNull: row.notNull || notNull };
  }
  const kind = TYPE_KINDS[row.type];
  const scalar =
    kind === "composite"
      ? `${row.name}_scalar`
      : row.schema === "pg_catalog"
        ? (SCALAR_NAMES.get(row.name) ?? row.name)
        : row.name;
  return {
    type: {
      name: row.name,
      sql: row.sql,
      kind,
      scalar,
      element: undefined,
      baseName: row.name,
      ...lacking(lackedBy(row, kind, isSorted)),
      ...(row.comment === null ? {} : { comment: row.comment }),
    },
    extension: own,
    notNull: false,
  };
}

const ALL: readonly Ability[] = [...COMPARISONS, "max", "order"];

/** Enums and ranges can be compared, composites as far as all of their columns can. */
function lackedBy(row: TypeRow, kind: TypeKind, isSorted: (oid: number) => boolean): readonly Ability[] {
  if (kind === "composite") return row.attributes?.every(isSorted) === false ? ALL : [];
  if (kind !== "base") return [];
  const has = [...(row.operators ?? []), ...(row.max ? ["max"] : []), ...(row.sorted ? ["order"] : [])];
  return ALL.filter((ability) => !has.includes(ability));
}

function lacking(abilities: readonly Ability[]): Pick<PgType, "lacks"> {
  return abilities.length === 0 ? {} : { lacks: new Set(abilities) };
}
