import {
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  valueFromASTUntyped,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import type { Json } from "../json/exact-json.ts";
import { toPlain } from "../json/exact-json.ts";
import { type DocumentLimits, LIMITS_OF_ADMIN } from "../limits.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import { NO_QUERIES, type RoleSchema } from "../schema/role-schema.ts";
import { asList, asObject, checkArguments, given, limitParameter } from "./arguments.ts";
import { checkIntrospection } from "./check-introspection.ts";
import { readDocument } from "./document.ts";
import { createDocumentBudget, type Spent } from "./document-budget.ts";
import { checkSpreads, variablesUsed } from "./fragment-spreads.ts";
import type { GraphqlRequest } from "./graphql-request.ts";
import { createInputBudget } from "./input-value.ts";
import { hasJoins, targetOfQuery } from "./join-rows.ts";
import type { Operation, RootField, TableStream } from "./plan.ts";
import { planActionCall } from "./plan-action.ts";
import { createPlanCache } from "./plan-cache.ts";
import type { PlanContext } from "./plan-context.ts";
import { columnValue } from "./plan-insert.ts";
import { keyCondition, planTableMutation } from "./plan-mutation.ts";
import { planRemoteCall } from "./plan-remote.ts";
import { definitionOf, objectTypeOf, planAggregate, planList, planRows, refuseSelection } from "./plan-rows.ts";
import { selectFilter } from "./plan-select.ts";
import { both, planWhere, requireColumn } from "./plan-where.ts";
import { type CollectedField, collectFields, refuseDirectives } from "./selection.ts";
import { readVariables, type Variables } from "./variables.ts";

export type PreparedOperation = {
  readonly operation: Operation;
  /** The request's variables, for the parameters of the plan. */
  readonly variables: Readonly<Record<string, Json>>;
};

export type Planner = {
  /** Throws HasuraError. */
  plan(request: GraphqlRequest, schema: RoleSchema, spent: Spent): PreparedOperation;
};

/** Longer documents are planned each time. */
const CACHED_TEXT_MAX = 20_000;
/** Fragments make a huge plan of a short text. */
const CACHED_SELECTIONS_MAX = 2_000;

/**
 * Plans documents and keeps the plans by text, operation name, role and which variables are absent or null. Plans that
 * read a variable's value are not kept.
 */
export function createPlanner(limits: DocumentLimits): Planner {
  const plans = createPlanCache();
  return {
    plan(request, schema, spent) {
      const variables: Record<string, Json> = Object.fromEntries(request.variables);
      const key = cacheKey(request, schema);
      const known = key === undefined ? undefined : plans.get(key);
      if (known !== undefined) return { operation: known, variables };
      const operation = planOperation(request, schema, schema.role === "admin" ? LIMITS_OF_ADMIN : limits, spent);
      if (operation.reusable && key !== undefined) plans.offer(key, operation);
      return { operation, variables };
    },
  };
}

function cacheKey({ query, operationName, variables }: GraphqlRequest, schema: RoleSchema): string | undefined {
  if (query.length > CACHED_TEXT_MAX) return undefined;
  const shape = [...variables].map(([name, value]) => `${name}${value === null ? "0" : "1"}`).sort();
  // A JSON list ends itself, so the text behind it needs no quoting.
  return JSON.stringify([operationName ?? null, schema.role, schema.backendOnly, shape]) + query;
}

/** Those of Hasura; `@cached` has no effect in its community edition. */
const OPERATION_DIRECTIVES = ["cached", "_multiple_top_level_fields"];

/** Checks a document against what the role may say, and turns it into a plan. */
function planOperation(request: GraphqlRequest, schema: RoleSchema, limits: DocumentLimits, spent: Spent): Operation {
  const { operation, fragments } = readDocument(request.query, request.operationName);
  const reached = checkSpreads(operation, fragments);
  const variables = readVariables(operation, request.variables, variablesUsed(operation, reached));
  refuseDirectives(operation.directives ?? [], OPERATION_DIRECTIVES, "$");
  const budget = createDocumentBudget(limits, spent);
  const context: PlanContext = {
    schema,
    variables,
    fragments: reached,
    text: request.query,
    budget,
    inputs: createInputBudget(),
  };
  const root = rootOf(schema, operation.operation);
  const { fields } = collectFields(context, [operation.selectionSet], root.name, "$");
  budget.rootFields(fields.length);
  if (operation.operation === OperationTypeNode.SUBSCRIPTION)
    refuseSeveral(
      fields,
      operation.directives?.some(({ name }) => name.value === "_multiple_top_level_fields") === true,
    );
  // One value for all fields of introspection, and none where there is no such field.
  let plain: Readonly<Record<string, unknown>> | undefined;
  const values = (): Readonly<Record<string, unknown>> => (plain ??= coercedVariables(operation, request.variables));
  const rootFields = fields.map((field) => planRootField(context, root, field, operation.operation, values));
  refuseInSubscription(rootFields, operation.operation);
  return {
    kind: operation.operation,
    name: operation.name?.value,
    rootFields,
    reusable:
      budget.selections() <= CACHED_SELECTIONS_MAX &&
      isReusable(rootFields, variables, operation.variableDefinitions?.length ?? 0),
  };
}

function rootOf(schema: RoleSchema, kind: OperationTypeNode): GraphQLObjectType {
  switch (kind) {
    case OperationTypeNode.QUERY:
      return schema.query;
    case OperationTypeNode.MUTATION:
      if (schema.mutation !== undefined) return schema.mutation;
      throw new HasuraError("validation-failed", "no mutations exist");
    case OperationTypeNode.SUBSCRIPTION:
      if (schema.subscription !== undefined) return schema.subscription;
      throw new HasuraError("validation-failed", "no subscriptions exist");
  }
}

function refuseSeveral(fields: readonly CollectedField[], several: boolean): void {
  if (fields.length !== 1 && !several)
    throw new HasuraError("validation-failed", "subscriptions must select one top level field");
}

function refuseInSubscription(fields: readonly RootField[], kind: OperationTypeNode): void {
  if (kind !== OperationTypeNode.SUBSCRIPTION) return;
  if (fields.some((field) => field.kind === "table-stream") && fields.length > 1)
    throw new HasuraError("not-supported", "exactly one root field is allowed for streaming subscriptions");
  if (fields.some(holdsRemote))
    throw new HasuraError("not-supported", "Remote relationships are not allowed in subscriptions");
}

function holdsRemote(field: RootField): boolean {
  if (field.kind === "table-stream") return hasJoins({ kind: "rows", rows: field.stream.rows });
  return field.kind === "table-query" && hasJoins(targetOfQuery(field.query));
}

function isReusable(fields: readonly RootField[], variables: Variables, declared: number): boolean {
  return (
    variables.valuesUsed.size === 0 &&
    fields.every(
      ({ kind }) =>
        kind === "table-query" ||
        kind === "table-mutation" ||
        kind === "table-stream" ||
        kind === "typename" ||
        (kind === "introspection" && declared === 0),
    )
  );
}

function planRootField(
  context: PlanContext,
  root: GraphQLObjectType,
  field: CollectedField,
  kind: OperationTypeNode,
  values: () => Readonly<Record<string, unknown>>,
): RootField {
  const base = { alias: field.alias, field: field.name };
  if (field.name === "__typename") {
    refuseSelection(field);
    return { ...base, kind: "typename", value: root.name };
  }
  if (
    (field.name === "__schema" || field.name === "__type") &&
    kind === OperationTypeNode.QUERY &&
    context.schema.introspection
  ) {
    checkIntrospection(context, field);
    return {
      ...base,
      kind: "introspection",
      schema: context.schema.graphql(),
      node: introspectionNode(field),
      fragments: context.fragments,
      variables: values(),
    };
  }
  const definition = definitionOf(root, field);
  const binding = context.schema.fieldBindings.get(root.name, field.name);
  switch (binding?.kind) {
    case "list": {
      const args = checkArguments(context, field, definition);
      return {
        ...base,
        kind: "table-query",
        query: { kind: "list", select: planList(context, binding.table, objectTypeOf(definition, field), args, field) },
      };
    }
    case "aggregate": {
      const args = checkArguments(context, field, definition);
      return {
        ...base,
        kind: "table-query",
        query: {
          kind: "aggregate",
          select: planAggregate(context, binding.table, objectTypeOf(definition, field), args, field),
        },
      };
    }
    case "by-pk": {
      context.budget.subquery(field.path);
      const args = checkArguments(context, field, definition);
      const where = both(selectFilter(context, binding.table), keyCondition(context, binding.table, args));
      return {
        ...base,
        kind: "table-query",
        query: {
          kind: "by-pk",
          table: binding.table,
          where,
          rows: planRows(context, binding.table, objectTypeOf(definition, field), field.selections, field.path),
        },
      };
    }
    case "stream":
      return { ...base, kind: "table-stream", stream: planStream(context, binding.table, definition, field) };
    case "action":
      return { ...base, kind: "action", call: planActionCall(context, binding, definition, field) };
    case "remote-root":
      return { ...base, kind: "remote", call: planRemoteCall(context, binding, definition, field) };
    case "insert":
    case "insert-one":
    case "update":
    case "update-by-pk":
    case "update-many":
    case "delete":
    case "delete-by-pk":
      return { ...base, kind: "table-mutation", mutation: planTableMutation(context, binding, definition, field) };
    default:
      if (field.name === "no_queries_available") return { ...base, kind: "typename", value: NO_QUERIES };
      throw new HasuraError("unexpected", `'${field.name}' cannot be planned`, field.path);
  }
}

/** All occurrences of the field as one node. */
function introspectionNode(field: CollectedField): FieldNode {
  if (field.selections.length === 0) return field.node;
  return {
    ...field.node,
    selectionSet: { kind: Kind.SELECTION_SET, selections: field.selections.flatMap((set) => set.selections) },
  };
}

/** The operation's variables as graphql-js wants them: the request's values, defaults where it gives none. */
function coercedVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  values: ReadonlyMap<string, Json>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) => {
      const name = variable.name.value;
      const value = values.get(name);
      if (value !== undefined) return [[name, toPlain(value)]];
      return defaultValue === undefined ? [] : [[name, valueFromASTUntyped(defaultValue)]];
    }),
  );
}

function planStream(
  context: PlanContext,
  table: TableStream["table"],
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): TableStream {
  context.budget.subquery(field.path);
  const args = checkArguments(context, field, definition);
  const cursorArgument = args.get("cursor");
  const batchSize = args.get("batch_size");
  const cursors = cursorArgument === undefined ? [] : asList(cursorArgument).filter((item) => item.kind !== "null");
  const [cursor] = cursors;
  const initial = cursor === undefined ? undefined : given(asObject(cursor).fields, "initial_value");
  const values = initial === undefined ? [] : [...asObject(initial).fields];
  const [first] = values;
  if (cursors.length !== 1 || values.length > 1)
    throw new HasuraError(
      "validation-failed",
      "multiple column cursors are not supported yet",
      `${field.path}.args.cursor`,
    );
  if (cursor === undefined || first === undefined || batchSize === undefined)
    throw new HasuraError("validation-failed", "one streaming column field is expected", `${field.path}.args.cursor`);
  const [name, value] = first;
  const column = requireColumn(table, name, value.path);
  const ordering = given(asObject(cursor).fields, "ordering");
  return {
    table,
    where: both(selectFilter(context, table), planWhere(context, table, given(args, "where"))),
    cursor: {
      column,
      ordering: ordering?.kind === "enum" && ordering.value === "DESC" ? "desc" : "asc",
      initialValue: columnValue(context, column, value),
    },
    batchSize: capped(limitParameter(batchSize), context.schema.access.of(table).select?.limit),
    rows: planRows(context, table, objectTypeOf(definition, field), field.selections, field.path),
  };
}

/** The smaller of the client's number and the role's limit. */
function capped(parameter: Parameter, limit: number | undefined): Parameter {
  if (limit === undefined || parameter.from === "session") return parameter;
  const smaller = (text: string | null): string => String(text === null ? limit : Math.min(Number(text), limit));
  if (parameter.from === "constant") return { ...parameter, text: smaller(parameter.text) };
  return { ...parameter, encode: (json) => smaller(parameter.encode(json)) };
}
