import { Kind, type NamedTypeNode, parseType, type TypeNode } from "graphql";
import type { Catalog } from "../catalog/catalog.ts";
import type { CustomTypesMetadata } from "../metadata/action-metadata.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { tableKey, tableText } from "../metadata/table-name.ts";
import { type Inconsistencies, InconsistencyError } from "./inconsistency.ts";
import type { CustomObject, CustomRelationship, CustomTypes } from "./model.ts";
import { requireGraphqlName } from "./names.ts";
import { requireColumn } from "./relationships.ts";
import type { TableDrafts } from "./table-drafts.ts";
import { tableTypeOwners } from "./type-names.ts";

type Place = "input" | "output";

/** The types of actions, and the judge over type texts such as `[uuid!]!`. */
export type ResolvedCustomTypes = {
  readonly types: CustomTypes;
  /** Throws InconsistencyError when the type does not exist or does not fit the place. */
  readonly requireType: (text: string, place: Place, what: string) => TypeNode;
};

const BUILTIN_SCALARS = new Set(["Int", "Float", "String", "Boolean", "ID"]);

/** All custom types stand and fall together, as in Hasura. */
export function resolveCustomTypes(
  metadata: Metadata,
  drafts: TableDrafts,
  catalog: Catalog,
  inconsistencies: Inconsistencies,
): ResolvedCustomTypes {
  const pgScalars = new Set([...catalog.types.values()].map(({ scalar }) => scalar));
  const object = { type: "custom_types", name: "custom_types", definition: metadata.custom_types };
  const resolved = inconsistencies.attempt(object, () =>
    resolve(metadata.custom_types, metadata.source.name, drafts, pgScalars),
  );
  return (
    resolved ?? judge({ enums: new Map(), inputObjects: new Map(), objects: new Map(), scalars: new Map() }, pgScalars)
  );
}

type Declared = Omit<CustomTypes, "pgScalars">;

function judge(declared: Declared, known: ReadonlySet<string>): ResolvedCustomTypes {
  const pgScalars = new Set<string>();
  const requireType = (text: string, place: Place, what: string): TypeNode => {
    const type = parseTypeText(text, what);
    const { value: name } = namedType(type).name;
    if (BUILTIN_SCALARS.has(name) || declared.scalars.has(name) || declared.enums.has(name)) return type;
    if (place === "input" && declared.inputObjects.has(name)) return type;
    if (place === "output" && declared.objects.has(name)) return type;
    if (declared.inputObjects.has(name) || declared.objects.has(name)) {
      const kind = place === "input" ? "an input type" : "an output type";
      throw new InconsistencyError("constraint-violation", `the type "${name}" of ${what} is not ${kind}`);
    }
    if (!known.has(name)) {
      throw new InconsistencyError("not-exists", `the type "${name}" of ${what} is not defined in custom types`);
    }
    pgScalars.add(name);
    return type;
  };
  return { types: { ...declared, pgScalars }, requireType };
}

function resolve(
  metadata: CustomTypesMetadata,
  source: string,
  drafts: TableDrafts,
  pgScalars: ReadonlySet<string>,
): ResolvedCustomTypes {
  requireUniqueNames(metadata, drafts);
  const objects = new Map<string, CustomObject>();
  const declared: Declared = {
    enums: new Map(
      metadata.enums.map(({ name, values, description }) => [name, { values: values.map(enumValue), description }]),
    ),
    inputObjects: new Map(
      metadata.input_objects.map(({ name, fields, description }) => [name, { fields, description }]),
    ),
    objects,
    scalars: new Map(metadata.scalars.map(({ name, description }) => [name, { description }])),
  };
  for (const { name, description, fields } of metadata.objects) {
    objects.set(name, { name, description, fields: fields.map(customField), relationships: [] });
  }
  const types = judge(declared, pgScalars);
  for (const { name, fields } of metadata.input_objects) {
    for (const field of fields) types.requireType(field.type, "input", `field "${field.name}" in "${name}"`);
    requireUnique(
      fields.map((field) => field.name),
      `fields of "${name}"`,
    );
  }
  for (const object of metadata.objects) {
    for (const field of object.fields)
      types.requireType(field.type, "output", `field "${field.name}" in "${object.name}"`);
    requireUnique(
      [...object.fields, ...object.relationships].map((field) => field.name),
      `fields of "${object.name}"`,
    );
    const relationships = object.relationships.map((entry) =>
      resolveRelationship(object, entry, source, drafts, declared),
    );
    objects.set(object.name, {
      name: object.name,
      description: object.description,
      fields: object.fields.map(customField),
      relationships,
    });
  }
  return types;
}

type ObjectMetadata = CustomTypesMetadata["objects"][number];

function customField({ name, type, description }: ObjectMetadata["fields"][number]) {
  return { name, type, description };
}

function enumValue({ value, description }: CustomTypesMetadata["enums"][number]["values"][number]) {
  return { value, description };
}

function resolveRelationship(
  object: ObjectMetadata,
  entry: ObjectMetadata["relationships"][number],
  source: string,
  drafts: TableDrafts,
  declared: Declared,
): CustomRelationship {
  const what = `relationship "${entry.name}" of object "${object.name}"`;
  requireGraphqlName(entry.name, "the relationship name");
  if (entry.source !== undefined && entry.source !== source) {
    throw new InconsistencyError("not-exists", `the source "${entry.source}" of ${what} does not exist`);
  }
  const target = drafts.get(tableKey(entry.remote_table));
  if (target === undefined) {
    throw new InconsistencyError(
      "not-exists",
      `the remote table "${tableText(entry.remote_table)}" for ${what} does not exist`,
    );
  }
  const mapping = Object.entries(entry.field_mapping).map(([name, column]) => {
    const field = object.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new InconsistencyError("not-exists", `field "${name}" of ${what} does not exist`);
    const type = parseTypeText(field.type, what);
    if (type.kind === Kind.LIST_TYPE || (type.kind === Kind.NON_NULL_TYPE && type.type.kind === Kind.LIST_TYPE)) {
      throw new InconsistencyError("constraint-violation", `field "${name}" of ${what} is a list`);
    }
    if (declared.objects.has(namedType(type).name.value)) {
      throw new InconsistencyError("constraint-violation", `field "${name}" of ${what} is not a scalar`);
    }
    return { field: name, column: requireColumn(target, column) };
  });
  if (mapping.length === 0)
    throw new InconsistencyError("constraint-violation", `the field_mapping of ${what} is empty`);
  return { name: entry.name, kind: entry.type, target: target.table.key, mapping };
}

function requireUniqueNames(metadata: CustomTypesMetadata, drafts: TableDrafts): void {
  const names = [...metadata.enums, ...metadata.input_objects, ...metadata.objects, ...metadata.scalars].map(
    ({ name }) => name,
  );
  for (const name of names) requireGraphqlName(name, "the type name");
  requireUnique(names, "type names");
  const tables = tableTypeOwners(drafts);
  const scalars = new Set(metadata.scalars.map(({ name }) => name));
  for (const name of names) {
    const scalar = scalars.has(name);
    if ((!scalar && BUILTIN_SCALARS.has(name)) || tables.holderOf(name, scalar) !== undefined)
      throw new InconsistencyError("constraint-violation", `the type name "${name}" is in use already`);
  }
}

function requireUnique(names: readonly string[], what: string): void {
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0) {
    throw new InconsistencyError(
      "constraint-violation",
      `duplicate ${what}: ${[...new Set(repeated)].map((name) => `"${name}"`).join(", ")}`,
    );
  }
}

function parseTypeText(text: string, what: string): TypeNode {
  try {
    return parseType(text, { noLocation: true });
  } catch {
    throw new InconsistencyError("parse-failed", `"${text}" of ${what} is not a GraphQL type`);
  }
}

function namedType(type: TypeNode): NamedTypeNode {
  return type.kind === Kind.NAMED_TYPE ? type : namedType(type.type);
}
