import type { PgType } from "./pg-type.ts";

function builtin(name: string, scalar: string): PgType {
  return { name, sql: `pg_catalog.${name}`, kind: "base", scalar, element: undefined, baseName: name };
}

/** Types the engine needs whatever the tables hold. */
export const TEXT = builtin("text", "String");
export const BOOL = builtin("bool", "Boolean");
export const INT4 = builtin("int4", "Int");
export const INT8 = builtin("int8", "bigint");
export const TEXT_ARRAY = arrayOf(TEXT);

/** PostgreSQL has no arrays of arrays; an array type stands for any number of dimensions. */
export function arrayOf(element: PgType): PgType {
  if (element.kind === "array") return element;
  return {
    name: `_${element.name}`,
    sql: `${element.sql}[]`,
    kind: "array",
    scalar: element.scalar,
    element,
    baseName: `_${element.name}`,
  };
}
