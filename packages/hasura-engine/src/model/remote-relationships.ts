import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from "graphql";
import type { RemoteFieldPath, RemoteRelationshipMetadata } from "../metadata/table-metadata.ts";
import { tableText } from "../metadata/table-name.ts";
import { type Inconsistencies, InconsistencyError, within } from "./inconsistency.ts";
import type { Column, RemoteArgument, RemoteRelationship, RemoteSchema } from "./model.ts";
import { requireGraphqlName } from "./names.ts";
import { requireColumn, requireFreeName } from "./relationships.ts";
import type { TableDraft, TableDrafts } from "./table-drafts.ts";

type Step = RemoteRelationship["path"][number];

/** Relationships from tables to remote schemas, checked against the upstream's types. */
export function resolveRemoteRelationships(
  drafts: TableDrafts,
  remotes: readonly RemoteSchema[],
  source: string,
  inconsistencies: Inconsistencies,
): void {
  for (const draft of drafts.values()) {
    for (const entry of draft.metadata.remote_relationships) {
      const table = tableText(draft.table);
      const object = {
        type: "remote_relationship",
        name: `${entry.name} in table ${table} in source ${source}`,
        definition: { source, table: draft.metadata.table, name: entry.name, definition: entry.definition },
      };
      const resolved = inconsistencies.attempt(object, () =>
        within(`in table "${table}"`, () =>
          within(`in remote relationship "${entry.name}"`, () => resolve(draft, entry, remotes)),
        ),
      );
      if (resolved !== undefined) draft.remoteRelationships.set(entry.name, resolved);
    }
  }
}

function resolve(
  draft: TableDraft,
  entry: RemoteRelationshipMetadata,
  remotes: readonly RemoteSchema[],
): RemoteRelationship {
  const { remote_schema, lhs_fields, remote_field } = entry.definition.to_remote_schema;
  requireGraphqlName(entry.name, "the relationship name");
  requireFreeName(draft, entry.name);
  const remote = remotes.find(({ name }) => name === remote_schema);
  if (remote === undefined)
    throw new InconsistencyError("not-exists", `remote schema with name "${remote_schema}" does not exist`);
  const columns = new Map(lhs_fields.map((name) => [name, requireColumn(draft, name)]));
  return {
    name: entry.name,
    remoteSchema: remote_schema,
    lhsColumns: [...columns.values()],
    path: resolvePath(remote_field, remote.schema, columns),
  };
}

function resolvePath(given: RemoteFieldPath, schema: GraphQLSchema, columns: ReadonlyMap<string, Column>): Step[] {
  const steps: Step[] = [];
  let parent = schema.getQueryType() ?? undefined;
  let rest: RemoteFieldPath | undefined = given;
  while (rest !== undefined) {
    const [name, call]: [string, RemoteFieldPath[string]] | [] = Object.entries(rest)[0] ?? [];
    if (name === undefined || call === undefined) break;
    const field: GraphQLField<unknown, unknown> | undefined = parent?.getFields()[name];
    if (field === undefined) throw unresolvable(`field with name "${name}" not found in remote schema`);
    steps.push({ field: name, arguments: resolveArguments(field, call.arguments, columns, call.field === undefined) });
    const type = getNamedType(field.type);
    parent = isObjectType(type) ? type : undefined;
    if (call.field !== undefined && parent === undefined && !isInterfaceType(type)) {
      throw unresolvable(`the field "${name}" of the remote schema has no fields`);
    }
    rest = call.field;
  }
  return steps;
}

function unresolvable(reason: string): InconsistencyError {
  return new InconsistencyError("remote-schema-error", reason);
}

/** The caller may give what is left open, but only at the last step. */
function resolveArguments(
  field: GraphQLField<unknown, unknown>,
  given: Readonly<Record<string, unknown>>,
  columns: ReadonlyMap<string, Column>,
  last: boolean,
): Map<string, RemoteArgument> {
  const resolved = new Map<string, RemoteArgument>();
  for (const [name, value] of Object.entries(given)) {
    const argument = field.args.find((candidate) => candidate.name === name);
    if (argument === undefined) throw unresolvable(`argument with name "${name}" not found in remote schema`);
    resolved.set(name, resolveValue(value, argument.type, columns));
  }
  const missing = field.args.find(
    (argument: GraphQLArgument) => isRequiredArgument(argument) && !resolved.has(argument.name),
  );
  if (missing !== undefined && !last) throw unresolvable(`missing required argument with name "${missing.name}"`);
  return resolved;
}

function resolveValue(value: unknown, type: GraphQLInputType, columns: ReadonlyMap<string, Column>): RemoteArgument {
  if (typeof value === "string" && value.startsWith("$")) {
    const column = columns.get(value.slice(1));
    if (column === undefined) throw unresolvable(`variable "${value.slice(1)}" is not found in lhs_fields`);
    requireFitting(column, type);
    return { kind: "column", column };
  }
  const bare = isNonNullType(type) ? type.ofType : type;
  if (Array.isArray(value)) {
    const item = isListType(bare) ? bare.ofType : bare;
    return { kind: "list", items: value.map((one) => resolveValue(one, item, columns)) };
  }
  if (typeof value !== "object" || value === null) return { kind: "constant", value };
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return { kind: "constant", value };
  const fields = new Map<string, RemoteArgument>();
  for (const [name, one] of Object.entries(value)) {
    const field = named.getFields()[name];
    if (field === undefined)
      throw unresolvable(`field with name "${name}" not found in the input object "${named.name}"`);
    fields.set(name, resolveValue(one, field.type, columns));
  }
  return { kind: "object", fields };
}

/** Hasura's rule: `ID` takes anything, every other type only the scalar of the same name. */
function requireFitting({ name, type: { scalar } }: Column, type: GraphQLInputType): void {
  const wanted = getNamedType(type).name;
  if (wanted !== "ID" && wanted !== scalar) {
    throw unresolvable(`expected type of column "${name}" to be ${wanted} but it is ${scalar}`);
  }
}
