import {
  type GraphQLFieldConfigMap,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  printSchema,
} from "graphql";
import type { Model, Table } from "../model/model.ts";
import { actionField } from "./action-types.ts";
import { columnInput, list, listOf, required, type SchemaScope } from "./column-types.ts";
import { createFieldBindings, type FieldBindings } from "./field-binding.ts";
import { streamCursorInput } from "./order-inputs.ts";
import { remoteRelationshipField } from "./remote-relationship-field.ts";
import { type RemoteView, viewRemote } from "./remote-types.ts";
import {
  createRoleAccess,
  queryFieldOffered,
  type RoleAccess,
  readableKey,
  subscriptionFieldOffered,
} from "./role-access.ts";
import {
  aggregateType,
  many,
  mutationResponse,
  nonNull,
  type OutputScope,
  selectArguments,
  tableType,
} from "./table-types.ts";
import { createTypeRegistry, sorted } from "./type-registry.ts";
import { boolExp } from "./where-inputs.ts";
import { insertInput, onConflict, pkColumnsInput, updateOperators, updatesInput } from "./write-inputs.ts";

/** Everything a role can say and what it means. */
export type RoleSchema = {
  readonly role: string;
  readonly backendOnly: boolean;
  readonly access: RoleAccess;
  readonly fieldBindings: FieldBindings;
  readonly query: GraphQLObjectType;
  /** Undefined: the role can change nothing. */
  readonly mutation: GraphQLObjectType | undefined;
  readonly subscription: GraphQLObjectType | undefined;
  readonly introspection: boolean;
  /** For introspection and printing; made on first use. */
  graphql(): GraphQLSchema;
  readonly remotes: ReadonlyMap<string, RemoteView>;
};

export type RoleSchemas = { get(role: string, backendOnly: boolean): RoleSchema };

/** Schemas of one model, made on first use and kept; a role nobody named sees what no permission gives. */
export function createRoleSchemas(model: Model): RoleSchemas {
  const known = new Map<string, RoleSchema>();
  return {
    get(role, backendOnly) {
      const name = role === "admin" || model.roles.has(role) ? role : "";
      const key = `${backendOnly} ${name}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      const made = buildRoleSchema(model, name, backendOnly);
      known.set(key, made);
      return made;
    },
  };
}

type Fields = GraphQLFieldConfigMap<unknown, unknown>;

/** Description and answer of the field that a role without any other has. */
export const NO_QUERIES =
  "There are no queries available to the current role. Either there are no sources or remote schemas configured, or the current role doesn't have the required permissions.";

function buildRoleSchema(model: Model, role: string, backendOnly: boolean): RoleSchema {
  const types = createTypeRegistry(model.scalarDescriptions);
  const access = createRoleAccess(model, role, backendOnly);
  const fieldBindings = createFieldBindings();
  const remotes = new Map(
    model.remoteSchemas.flatMap((remote) => {
      const view = viewRemote(types, remote, role);
      return view === undefined ? [] : [[remote.name, view] as const];
    }),
  );
  const scope: OutputScope = {
    model,
    access,
    types,
    fieldBindings,
    remoteField: (table, name) => remoteField(scope, remotes, table, name),
  };
  const root = (name: string, description: string | undefined, fields: Fields): GraphQLObjectType | undefined =>
    Object.keys(fields).length === 0
      ? undefined
      : types.object(name, () => new GraphQLObjectType({ name, description, fields: sorted(fields) }));

  const queryFields: Fields = {
    ...tableQueries(scope),
    ...actionFields(scope, "query"),
    ...remoteFields(scope, remotes, "query"),
  };
  if (Object.keys(queryFields).length === 0)
    queryFields.no_queries_available = {
      type: new GraphQLNonNull(GraphQLString),
      description: NO_QUERIES,
    };
  const query = root("query_root", undefined, queryFields);
  if (query === undefined) throw new Error("a query root has at least one field");
  const mutation = root("mutation_root", "mutation root", {
    ...tableMutations(scope),
    ...actionFields(scope, "mutation"),
    ...remoteFields(scope, remotes, "mutation"),
  });
  const subscription = root("subscription_root", undefined, tableSubscriptions(scope));
  let schema: GraphQLSchema | undefined;
  return {
    role,
    backendOnly,
    access,
    fieldBindings,
    query,
    mutation,
    subscription,
    introspection: !model.introspectionDisabledRoles.has(role),
    remotes,
    graphql() {
      schema ??= new GraphQLSchema({
        query,
        mutation: mutation ?? null,
        subscription: subscription ?? null,
        types: [...remotes.values()].flatMap(({ implementers }) => implementers),
      });
      return schema;
    },
  };
}

function tableQueries(scope: OutputScope): Fields {
  const fields: Fields = {};
  for (const table of scope.model.tables.values()) {
    const access = scope.access.of(table);
    const { select } = access;
    if (select === undefined) continue;
    const set = (name: string, kind: "list" | "by-pk" | "aggregate", field: Fields[string]): void => {
      scope.fieldBindings.set("query_root", name, { kind, table });
      fields[name] = field;
    };
    addSelects(scope, table, (kind) => queryFieldOffered(select, kind), set);
  }
  return fields;
}

function tableSubscriptions(scope: OutputScope): Fields {
  const fields: Fields = {};
  for (const table of scope.model.tables.values()) {
    const { select } = scope.access.of(table);
    if (select === undefined) continue;
    const set = (name: string, kind: "list" | "by-pk" | "aggregate" | "stream", field: Fields[string]): void => {
      scope.fieldBindings.set("subscription_root", name, { kind, table });
      fields[name] = field;
    };
    addSelects(scope, table, (kind) => subscriptionFieldOffered(select, kind), set);
    if (!subscriptionFieldOffered(select, "select_stream") || select.columns.length === 0) continue;
    set(table.rootFields.select_stream.name, "stream", {
      type: many(tableType(scope, table)),
      description:
        table.rootFields.select_stream.comment ?? `fetch data from the table in a streaming manner: "${table.name}"`,
      args: {
        batch_size: { type: required(GraphQLInt), description: "maximum number of rows returned in a single batch" },
        cursor: {
          type: required(list(streamCursorInput(scope, table))),
          description: "cursor to stream the results returned by the query",
        },
        where: { type: boolExp(scope, table), description: "filter the rows returned" },
      },
    });
  }
  return fields;
}

type SelectKind = "select" | "select_by_pk" | "select_aggregate";

function addSelects(
  scope: OutputScope,
  table: Table,
  offered: (kind: SelectKind) => boolean,
  set: (name: string, kind: "list" | "by-pk" | "aggregate", field: Fields[string]) => void,
): void {
  const access = scope.access.of(table);
  const { select } = access;
  if (select === undefined) return;
  const { rootFields } = table;
  if (offered("select"))
    set(rootFields.select.name, "list", {
      type: many(tableType(scope, table)),
      args: selectArguments(scope, table),
      description: rootFields.select.comment ?? `fetch data from the table: "${table.name}"`,
    });
  const key = readableKey(access);
  if (key !== undefined && offered("select_by_pk")) {
    set(rootFields.select_by_pk.name, "by-pk", {
      type: tableType(scope, table),
      args: keyArguments(scope, key),
      description:
        rootFields.select_by_pk.comment ?? `fetch data from the table: "${table.name}" using primary key columns`,
    });
  }
  if (select.aggregations && offered("select_aggregate")) {
    set(rootFields.select_aggregate.name, "aggregate", {
      type: nonNull(aggregateType(scope, table, select)),
      args: selectArguments(scope, table),
      description: rootFields.select_aggregate.comment ?? `fetch aggregated fields from the table: "${table.name}"`,
    });
  }
}

function keyArguments(scope: SchemaScope, key: NonNullable<ReturnType<typeof readableKey>>) {
  return Object.fromEntries(
    key.map((column) => [
      column.graphqlName,
      { type: required(columnInput(scope, column)), description: column.comment },
    ]),
  );
}

function tableMutations(scope: OutputScope): Fields {
  const fields: Fields = {};
  for (const table of scope.model.tables.values()) {
    const access = scope.access.of(table);
    const key = readableKey(access);
    const { rootFields } = table;
    const set = (
      root: keyof typeof rootFields,
      kind: "insert" | "insert-one" | "update" | "update-by-pk" | "update-many" | "delete" | "delete-by-pk",
      field: Fields[string],
    ): void => {
      const { name, comment } = rootFields[root];
      scope.fieldBindings.set("mutation_root", name, { kind, table });
      fields[name] = comment === undefined ? field : { ...field, description: comment };
    };
    if (access.insert !== undefined) {
      const conflict = onConflict(scope, table);
      const upsert = conflict === undefined ? {} : { on_conflict: { type: conflict, description: "upsert condition" } };
      set("insert", "insert", {
        type: mutationResponse(scope, table),
        args: {
          objects: { type: required(listOf(insertInput(scope, table))), description: "the rows to be inserted" },
          ...upsert,
        },
        description: `insert data into the table: "${table.name}"`,
      });
      if (access.select !== undefined) {
        set("insert_one", "insert-one", {
          type: tableType(scope, table),
          args: {
            object: { type: required(insertInput(scope, table)), description: "the row to be inserted" },
            ...upsert,
          },
          description: `insert a single row into the table: "${table.name}"`,
        });
      }
    }
    if (access.update !== undefined) {
      const operators = updateOperators(scope, table);
      set("update", "update", {
        type: mutationResponse(scope, table),
        args: {
          where: { type: required(boolExp(scope, table)), description: "filter the rows which have to be updated" },
          ...operators,
        },
        description: `update data of the table: "${table.name}"`,
      });
      set("update_many", "update-many", {
        type: new GraphQLList(mutationResponse(scope, table)),
        args: {
          updates: { type: required(listOf(updatesInput(scope, table))), description: "updates to execute, in order" },
        },
        description: `update multiples rows of table: "${table.name}"`,
      });
      if (key !== undefined)
        set("update_by_pk", "update-by-pk", {
          type: tableType(scope, table),
          args: { pk_columns: { type: required(pkColumnsInput(scope, table)) }, ...operators },
          description: `update single row of the table: "${table.name}"`,
        });
    }
    if (access.delete !== undefined) {
      set("delete", "delete", {
        type: mutationResponse(scope, table),
        args: {
          where: { type: required(boolExp(scope, table)), description: "filter the rows which have to be deleted" },
        },
        description: `delete data from the table: "${table.name}"`,
      });
      if (key !== undefined)
        set("delete_by_pk", "delete-by-pk", {
          type: tableType(scope, table),
          args: keyArguments(scope, key),
          description: `delete single row from the table: "${table.name}"`,
        });
    }
  }
  return fields;
}

function actionFields(scope: OutputScope, operation: "query" | "mutation"): Fields {
  const fields: Fields = {};
  for (const action of scope.model.actions) {
    if (action.operation !== operation || (scope.access.role !== "admin" && !action.roles.has(scope.access.role)))
      continue;
    scope.fieldBindings.set(`${operation}_root`, action.name, { kind: "action", action });
    fields[action.name] = actionField(scope, action);
  }
  return fields;
}

function remoteFields(
  scope: OutputScope,
  remotes: ReadonlyMap<string, RemoteView>,
  operation: "query" | "mutation",
): Fields {
  const fields: Fields = {};
  for (const { remote, query, mutation } of remotes.values()) {
    const root = operation === "query" ? query : mutation;
    if (root === undefined) continue;
    for (const [name, field] of Object.entries(root.fields)) {
      scope.fieldBindings.set(`${operation}_root`, name, {
        kind: "remote-root",
        remote,
        operation,
        parentType: root.typeName,
      });
      fields[name] = field;
    }
  }
  return fields;
}

function remoteField(scope: OutputScope, remotes: ReadonlyMap<string, RemoteView>, table: Table, name: string) {
  const relationship = table.remoteRelationships.get(name);
  const view = relationship === undefined ? undefined : remotes.get(relationship.remoteSchema);
  if (relationship === undefined || view === undefined) return undefined;
  const columns = scope.access.of(table).select?.columns ?? [];
  if (!relationship.lhsColumns.every((column) => columns.includes(column))) return undefined;
  const field = remoteRelationshipField(scope.types, view, relationship, table.graphqlName);
  if (field === undefined) return undefined;
  scope.fieldBindings.set(table.graphqlName, name, {
    kind: "remote-relationship",
    relationship,
    remote: view.remote,
    parentType: field.parentType,
  });
  return { type: field.type, args: field.args };
}

/** SDL of everything the role sees. */
export function printRoleSchema(schema: RoleSchema): string {
  return printSchema(schema.graphql());
}
