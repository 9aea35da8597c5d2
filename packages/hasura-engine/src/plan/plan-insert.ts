import { HasuraError } from "../hasura-error.ts";
import type { Column, Preset, Relationship, Table } from "../model/model.ts";
import { type Expression, FALSE, type Parameter, TRUE } from "../model/permissions/expression.ts";
import { literalText } from "../model/permissions/literal.ts";
import { asEnum, asList, asObject, given } from "./arguments.ts";
import { columnParameter, holdsVariables } from "./column-value.ts";
import { type InputValue, nullRefused } from "./input-value.ts";
import type { Insert, InsertRow, NestedInsert, OnConflict } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { both, columnByName, planWhere, requireColumn } from "./plan-where.ts";

type Fields = ReadonlyMap<string, InputValue>;

/**
 * @param path of the objects
 * @param single the one object of a relation that goes before its row: it has no index
 */
export function planInsert(
  context: PlanContext,
  table: Table,
  objects: readonly InputValue[],
  conflict: InputValue | undefined,
  path: string,
  single = false,
): Insert {
  const permission = context.schema.access.of(table).insert;
  const nested = objects.some((object) => relationsIn(table, asObject(object).fields).length > 0);
  const rows = objects.map((object, index) => {
    const place = single ? path : `${path}[${index}]`;
    if (nested) context.budget.write(place);
    return planRow(context, table, asObject(object).fields, nested ? place : path, place);
  });
  return {
    table,
    rows,
    check: permission?.check ?? TRUE,
    onConflict: conflict === undefined ? undefined : planConflict(context, table, conflict),
    path,
  };
}

function planRow(context: PlanContext, table: Table, fields: Fields, path: string, place: string): InsertRow {
  const presets = context.schema.access.of(table).insert?.presets ?? [];
  const values = new Map<string, { column: Column; value: Parameter }>();
  for (const [name, value] of fields) {
    const column = columnByName(table, name);
    if (column === undefined) continue;
    refuseNull(column, value);
    values.set(column.name, { column, value: columnValue(context, column, value) });
  }
  const given = [...values.values()].map(({ column }) => column);
  for (const preset of presets)
    values.set(preset.column.name, { column: preset.column, value: presetParameter(preset) });
  const relations = relationsIn(table, fields).map((relation) => planNested(context, relation, path));
  return {
    values: [...values.values()],
    given,
    before: relations.filter(({ relationship }) => relationship.insertion === "before-parent"),
    after: relations.filter(({ relationship }) => relationship.insertion === "after-parent"),
    path,
    place,
  };
}

type Relation = {
  readonly relationship: Relationship;
  readonly objects: readonly InputValue[];
  readonly conflict: InputValue | undefined;
};

/** Relations that bring data; null and an empty list bring none. */
function relationsIn(table: Table, fields: Fields): Relation[] {
  return [...fields].flatMap(([name, value]) => {
    const relationship = table.relationships.get(name);
    if (relationship === undefined || value.kind === "null") return [];
    const { fields: parts, path } = asObject(value);
    const data = given(parts, "data");
    if (data === undefined) throw new HasuraError("validation-failed", "missing required field 'data'", `${path}.data`);
    const objects = relationship.kind === "array" ? asList(data) : [data];
    return objects.length === 0 ? [] : [{ relationship, objects, conflict: given(parts, "on_conflict") }];
  });
}

function planNested(
  context: PlanContext,
  { relationship, objects, conflict }: Relation,
  rowPath: string,
): NestedInsert {
  const target = context.schema.access.model.tables.get(relationship.target);
  const path = `${rowPath}.${relationship.name}`;
  if (target === undefined) throw new HasuraError("unexpected", `'${relationship.name}' leads to no table`, path);
  const single = relationship.insertion === "before-parent";
  return { relationship, insert: planInsert(context, target, objects, conflict, `${path}.data`, single), path };
}

/** A value for a column; what is inside a list is read now. */
export function columnValue(context: PlanContext, column: Column, value: InputValue): Parameter {
  for (const name of holdsVariables(value)) context.variables.useValue(name);
  const parameter = columnParameter(value, column.type);
  if (column.type.kind !== "array") return parameter;
  if (parameter.from === "variable") {
    const { encode } = parameter;
    return { ...parameter, encode: (json) => (isArrayText(json) ? json : encode(json)) };
  }
  const only = value.kind === "list" && value.bare ? value.items[0] : undefined;
  const text = only?.kind === "scalar" ? only.scalar.json : undefined;
  return isArrayText(text) ? { from: "constant", type: column.type, text } : parameter;
}

/** A text may stand for a value of any type; for an array that is PostgreSQL's own form of one. */
function isArrayText(json: unknown): json is string {
  return typeof json === "string" && /^\{.*\}$/s.test(json);
}

/** A column that PostgreSQL would refuse a null for. */
export function refuseNull(column: Column, value: InputValue): void {
  if (value.kind === "null" && !column.nullable) throw nullRefused(value.type, value.path);
}

export function presetParameter({ column, value }: Preset): Parameter {
  if (value.kind === "session") return { from: "session", type: column.type, name: value.variable };
  return { from: "constant", type: column.type, text: literalText(value.value, column.type) };
}

function planConflict(context: PlanContext, table: Table, value: InputValue): OnConflict {
  const { fields } = asObject(value);
  const constraintName = given(fields, "constraint");
  const constraint = table.uniqueConstraints.find(
    ({ name }) => constraintName !== undefined && name === asEnum(constraintName),
  );
  if (constraint === undefined)
    throw new HasuraError("validation-failed", "missing required field 'constraint'", `${value.path}.constraint`);
  const access = context.schema.access.of(table);
  const columns = given(fields, "update_columns");
  // PostgreSQL sets a column once.
  const named = columns === undefined ? [] : [...new Set(asList(columns).map((item) => updateColumn(table, item)))];
  const presets = access.update?.presets ?? [];
  const updates: OnConflict["updates"] = [
    ...named
      .filter((column) => !presets.some((preset) => preset.column.name === column.name))
      .map((column) => ({ column, value: "excluded" as const })),
    ...presets.map((preset) => ({ column: preset.column, value: presetParameter(preset) })),
  ];
  const filter: Expression = access.update?.filter ?? FALSE;
  const permission = table.permissions.get(context.schema.role);
  return {
    constraint,
    updates: named.length === 0 ? [] : updates,
    where: both(filter, planWhere(context, table, given(fields, "where"))),
    updateCheck: permission?.update?.check ?? access.insert?.check ?? TRUE,
  };
}

function updateColumn(table: Table, item: InputValue): Column {
  const name = asEnum(item);
  if (name === "_PLACEHOLDER")
    throw new HasuraError("validation-failed", "erroneous column name", item.path.replace(/\.update_columns.*$/, ""));
  return requireColumn(table, name, item.path);
}
