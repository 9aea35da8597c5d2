import { z } from "zod";
import { ORDERABLE_TYPES, type PgType, type TypeKind } from "./pg-type.ts";

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
  ordered: z.boolean(),
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
    const type = resolve(row, byOid);
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

function resolve(row: TypeRow, byOid: (oid: number) => ResolvedType): ResolvedType {
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
      ...unordered(base.unordered !== true),
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
      ...unordered(row.ordered || !ORDERABLE_TYPES.has(row.name)),
      ...(row.comment === null ? {} : { comment: row.comment }),
    },
    extension: own,
    notNull: false,
  };
}

function unordered(isOrdered: boolean): Pick<PgType, "unordered"> {
  return isOrdered ? {} : { unordered: true };
}
