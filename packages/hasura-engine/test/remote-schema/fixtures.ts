import type { GraphQLSchema } from "graphql";
import type { PgType } from "../../src/catalog/pg-type.ts";
import type { Column, RemoteSchema, Table } from "../../src/model/model.ts";
import type { RemoteField, RemoteSelection, RemoteValue } from "../../src/plan/plan.ts";
import { buildRemoteRole } from "../../src/remote-schema/build-remote-role.ts";
import { UNBOUND } from "../../src/session/holder.ts";
import type { RequestContext } from "../../src/session/session.ts";

const int4: PgType = {
  name: "int4",
  sql: "pg_catalog.int4",
  kind: "base",
  scalar: "Int",
  element: undefined,
  baseName: "int4",
};

export function column(name: string): Column {
  return {
    name,
    graphqlName: name,
    type: int4,
    nullable: true,
    insertable: true,
    updatable: true,
    comment: undefined,
    enumTable: undefined,
  };
}

/** A table as far as selections look at it. */
export function table(name: string, columns: readonly Column[]): Table {
  const field = (suffix: string) => ({ name: `${name}${suffix}`, comment: undefined });
  return {
    key: `public.${name}`,
    schema: "public",
    name,
    graphqlName: name,
    kind: "table",
    comment: undefined,
    columns: new Map(columns.map((entry) => [entry.name, entry])),
    primaryKey: undefined,
    uniqueConstraints: [],
    viewInsertable: true,
    viewUpdatable: true,
    viewDeletable: true,
    rootFields: {
      select: field(""),
      select_by_pk: field("_by_pk"),
      select_aggregate: field("_aggregate"),
      select_stream: field("_stream"),
      insert: field("_insert"),
      insert_one: field("_insert_one"),
      update: field("_update"),
      update_by_pk: field("_update_by_pk"),
      update_many: field("_update_many"),
      delete: field("_delete"),
      delete_by_pk: field("_delete_by_pk"),
    },
    relationships: new Map(),
    remoteRelationships: new Map(),
    enumValues: undefined,
    permissions: new Map(),
  };
}

export function remoteSchema(
  url: string,
  schema: GraphQLSchema,
  roles: Record<string, string> = {},
  more: Partial<RemoteSchema> = {},
): RemoteSchema {
  const built = Object.entries(roles).map(([role, sdl]) => {
    const outcome = buildRemoteRole(schema, sdl);
    if ("reason" in outcome) throw new Error(outcome.reason);
    return [role, outcome.role] as const;
  });
  return {
    name: "upstream",
    url,
    writtenUrl: "{{UPSTREAM}}/graphql",
    headers: [],
    forwardClientHeaders: false,
    timeoutSeconds: 5,
    comment: undefined,
    schema,
    roles: new Map(built),
    ...more,
  };
}

export function context(
  role: string,
  variables: Record<string, string> = {},
  clientHeaders: Record<string, string> = {},
): RequestContext {
  return {
    session: {
      role,
      variables: new Map(Object.entries({ "x-hasura-role": role, ...variables })),
      backendOnly: false,
      admin: role === "admin",
      expiresAt: undefined,
    },
    clientHeaders: new Map(Object.entries(clientHeaders)),
    requestId: "request-1",
    holder: UNBOUND,
  };
}

export const number = (text: string | number): RemoteValue => ({ kind: "text", text: String(text) });
export const string = (value: string): RemoteValue => ({ kind: "string", value });
export const object = (fields: Record<string, RemoteValue>): RemoteValue => ({
  kind: "object",
  fields: new Map(Object.entries(fields)),
});

export function field(
  parentType: string,
  name: string,
  options: { alias?: string; args?: Record<string, RemoteValue>; selection?: readonly RemoteField[] } = {},
): RemoteField {
  return {
    alias: options.alias ?? name,
    name,
    parentType,
    arguments: new Map(Object.entries(options.args ?? {})),
    selection: options.selection === undefined ? undefined : fields(options.selection),
  };
}

export function fields(selection: readonly RemoteField[]): readonly RemoteSelection[] {
  return selection.map((inner) => ({ kind: "field", field: inner }));
}
