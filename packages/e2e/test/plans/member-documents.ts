import { buildSchema, getNamedType, isLeafType, isListType, isNonNullType, isObjectType } from "graphql";
import type { Role, TrackedTable } from "../tenancy/tracked-tables.ts";

/**
 * One document with a root field for each way in which a member comes to rows: lists, rows by id, aggregates, and every
 * relationship of every table.
 */
export function memberDocument(sdl: string, tables: readonly TrackedTable[], role: Role): string {
  const schema = buildSchema(sdl);
  const fields = tables.flatMap(({ name, select }) => {
    const type = schema.getType(name);
    if (!select.has(role) || !isObjectType(type)) return [];
    const relationships = Object.values(type.getFields()).filter(({ type: of }) => {
      const target = getNamedType(of);
      return !isLeafType(target) && tables.some((table) => table.name === target.name);
    });
    return [
      `list_${name}: ${name}(limit: 20) { id }`,
      `newest_${name}: ${name}(limit: 20, order_by: {id: desc}) { id }`,
      `by_pk_${name}: ${name}_by_pk(id: "00000000-0000-4000-8000-000000000000") { id }`,
      ...(select.get(role)?.aggregates === true ? [`count_${name}: ${name}_aggregate { aggregate { count } }`] : []),
      ...relationships.map((field) => {
        const many = isListType(isNonNullType(field.type) ? field.type.ofType : field.type);
        return `${name}_to_${field.name}: ${name}(limit: 20) { ${field.name}${many ? "(limit: 5)" : ""} { id } }`;
      }),
    ];
  });
  return `query { ${fields.join("\n")} }`;
}
