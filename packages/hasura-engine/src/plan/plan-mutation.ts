import type { GraphQLField, GraphQLObjectType } from "graphql";
import { INT4, TEXT, TEXT_ARRAY } from "../catalog/builtin-types.ts";
import { HasuraError } from "../hasura-error.ts";
import type { Column, Table } from "../model/model.ts";
import { type Expression, TRUE } from "../model/permissions/expression.ts";
import type { FieldBinding } from "../schema/field-binding.ts";
import { UPDATE_OPERATORS, type UpdateOperatorName } from "../schema/write-inputs.ts";
import { type Arguments, asList, asObject, checkArguments, given } from "./arguments.ts";
import { columnParameter } from "./column-value.ts";
import { type InputValue, nullRefused } from "./input-value.ts";
import type { MutationOutput, TableMutation, Update, UpdateSet } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { columnValue, planInsert, presetParameter, refuseNull } from "./plan-insert.ts";
import { definitionOf, objectTypeOf, planRows, requireLeaf } from "./plan-rows.ts";
import { both, planWhere, requireColumn } from "./plan-where.ts";
import { type CollectedField, collectFields } from "./selection.ts";

type TableBinding = Extract<FieldBinding, { kind: TableMutation["kind"] }>;

export function planTableMutation(
  context: PlanContext,
  binding: TableBinding,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): TableMutation {
  const { table } = binding;
  const args = checkArguments(context, field, definition);
  const type = objectTypeOf(definition, field);
  context.budget.write(field.path);
  const rows = () => planRows(context, table, type, field.selections, field.path);
  const output = () => planOutput(context, table, type, field);
  switch (binding.kind) {
    case "insert":
      return {
        kind: "insert",
        insert: planInsert(
          context,
          table,
          asList(required(args, "objects", field)),
          given(args, "on_conflict"),
          `${field.path}.args.objects`,
        ),
        output: output(),
      };
    case "insert-one":
      return {
        kind: "insert-one",
        insert: planInsert(
          context,
          table,
          [required(args, "object", field)],
          given(args, "on_conflict"),
          `${field.path}.args.object`,
        ),
        output: rows(),
      };
    case "update":
      return {
        kind: "update",
        update: planUpdate(
          context,
          table,
          planWhere(context, table, required(args, "where", field)),
          args,
          `${field.path}.args`,
        ),
        output: output(),
      };
    case "update-by-pk": {
      const key = keyCondition(context, table, asObject(required(args, "pk_columns", field)).fields);
      return {
        kind: "update-by-pk",
        update: planUpdate(context, table, key, args, `${field.path}.args`),
        output: rows(),
      };
    }
    case "update-many": {
      const updates = asList(required(args, "updates", field)).map((item) => {
        const { fields, path } = asObject(item);
        context.budget.write(path);
        return planUpdate(context, table, planWhere(context, table, given(fields, "where")), fields, path);
      });
      return { kind: "update-many", updates, output: output() };
    }
    case "delete":
      return {
        kind: "delete",
        table,
        where: both(deleteFilter(context, table), planWhere(context, table, required(args, "where", field))),
        output: output(),
      };
    case "delete-by-pk":
      return {
        kind: "delete-by-pk",
        table,
        where: both(deleteFilter(context, table), keyCondition(context, table, args)),
        output: rows(),
      };
  }
}

function required(args: Arguments, name: string, field: CollectedField): InputValue {
  const value = args.get(name);
  if (value === undefined)
    throw new HasuraError("validation-failed", `missing required field '${name}'`, `${field.path}.args.${name}`);
  return value;
}

function deleteFilter(context: PlanContext, table: Table): Expression {
  return context.schema.access.of(table).delete?.filter ?? TRUE;
}

/** Key columns by their GraphQL names. */
export function keyCondition(context: PlanContext, table: Table, values: ReadonlyMap<string, InputValue>): Expression {
  const items = (table.primaryKey ?? []).flatMap((column): Expression[] => {
    const value = values.get(column.graphqlName);
    if (value === undefined) return [];
    return [
      {
        kind: "compare",
        column,
        castTo: undefined,
        operator: "eq",
        operand: columnValue(context, column, value),
        nullSafe: false,
      },
    ];
  });
  return both(...items);
}

function planUpdate(
  context: PlanContext,
  table: Table,
  where: Expression,
  args: ReadonlyMap<string, InputValue>,
  path: string,
): Update {
  const permission = context.schema.access.of(table).update;
  const presets = (permission?.presets ?? []).map(
    (preset): UpdateSet => ({ column: preset.column, operator: "set", value: presetParameter(preset) }),
  );
  const sets: { set: UpdateSet; from: UpdateOperatorName }[] = [];
  for (const operator of UPDATE_OPERATORS) {
    const value = given(args, operator);
    if (value === undefined) continue;
    for (const [name, member] of asObject(value).fields) {
      const column = requireColumn(table, name, member.path);
      sets.push({ set: planSet(context, operator, column, member), from: operator });
    }
  }
  refuseRepeated(sets, path);
  return {
    table,
    where: both(permission?.filter ?? TRUE, where),
    sets: [...sets.map(({ set }) => set), ...presets],
    check: permission?.check ?? TRUE,
  };
}

function planSet(context: PlanContext, operator: UpdateOperatorName, column: Column, value: InputValue): UpdateSet {
  switch (operator) {
    case "_set":
      refuseNull(column, value);
      return { column, operator: "set", value: columnValue(context, column, value) };
    case "_inc":
      refuseNull(column, value);
      return { column, operator: "inc", value: columnValue(context, column, value) };
    case "_append":
      refuseNull(column, value);
      return { column, operator: "append", value: columnValue(context, column, value) };
    case "_prepend":
      refuseNull(column, value);
      return { column, operator: "prepend", value: columnValue(context, column, value) };
    case "_delete_key":
      return { column, operator: "delete-key", value: columnParameter(value, TEXT) };
    case "_delete_elem":
      if (value.kind === "null") throw nullRefused(value.type, value.path);
      return { column, operator: "delete-elem", value: columnParameter(value, INT4) };
    case "_delete_at_path":
      if (value.kind === "null") throw nullRefused(value.type, value.path);
      return { column, operator: "delete-at-path", value: columnParameter(value, TEXT_ARRAY) };
  }
}

function refuseRepeated(sets: readonly { set: UpdateSet; from: UpdateOperatorName }[], path: string): void {
  const counts = new Map<string, number>();
  for (const { set } of sets) counts.set(set.column.name, (counts.get(set.column.name) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1).map(([name]) => `'${name}'`);
  if (repeated.length > 0)
    throw new HasuraError(
      "validation-failed",
      `Column found in multiple operators: [${repeated.sort().join(", ")}].`,
      path,
    );
}

function planOutput(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  field: CollectedField,
): MutationOutput {
  const { fields } = collectFields(context, field.selections, type.name, field.path);
  return fields.map((part) => {
    const { alias } = part;
    if (part.name === "__typename") return { alias, kind: "typename" as const, value: type.name };
    const definition = definitionOf(type, part);
    requireLeaf(definition, part);
    checkArguments(context, part, definition);
    if (context.schema.fieldBindings.get(type.name, part.name)?.kind === "affected-rows")
      return { alias, kind: "affected-rows" as const };
    return {
      alias,
      kind: "returning" as const,
      rows: planRows(context, table, objectTypeOf(definition, part), part.selections, part.path),
    };
  });
}
