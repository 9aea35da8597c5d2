import type { Parameter } from "../model/permissions/expression.ts";
import type { Insert, Operation, RootField, TableMutation } from "../plan/plan.ts";
import { compileStream, compileTableQuery } from "./compile-query.ts";
import { compileDelete, compileInsert, compileUpdate, outputParts, type Wanted } from "./mutation-sql.ts";
import type { CompileOptions, Statement } from "./statement.ts";

/** The statements an operation leads to, with what is bound to their places; for debugging and plan tests. */
export function printStatements({ rootFields }: Operation, options: CompileOptions): string {
  return rootFields
    .flatMap((field) =>
      statementsOf(field, options).map((statement) => `-- ${field.alias}\n${printStatement(statement)}`),
    )
    .join("\n");
}

function printStatement({ text, parameters }: Statement): string {
  return `${text};\n${parameters.map((parameter, index) => `-- $${index + 1} = ${printParameter(parameter)}\n`).join("")}`;
}

function printParameter(parameter: Parameter): string {
  switch (parameter.from) {
    case "constant":
      return JSON.stringify(parameter.text);
    case "variable":
      return `variable ${parameter.name}`;
    case "session":
      return `session variable ${parameter.name}`;
    default:
      return parameter satisfies never;
  }
}

function statementsOf(field: RootField, options: CompileOptions): Statement[] {
  switch (field.kind) {
    case "table-query":
      return [compileTableQuery(field.query, options)];
    case "table-stream":
      return [compileStream(field.stream, options).statement];
    case "table-mutation":
      return mutationStatements(field.mutation, options);
    case "typename":
    case "action":
    case "remote":
    case "introspection":
      return [];
    default:
      return field satisfies never;
  }
}

function mutationStatements(mutation: TableMutation, options: CompileOptions): Statement[] {
  switch (mutation.kind) {
    case "insert":
      return insertStatements(mutation.insert, wantedOf(outputParts(mutation.output)), options);
    case "insert-one":
      return insertStatements(mutation.insert, wantedOf([{ many: false, rows: mutation.output }]), options);
    case "update":
      return [compileUpdate(mutation.update, wantedOf(outputParts(mutation.output)), options)];
    case "update-by-pk":
      return [compileUpdate(mutation.update, wantedOf([{ many: false, rows: mutation.output }]), options)];
    case "update-many":
      return mutation.updates.map((update) => compileUpdate(update, wantedOf(outputParts(mutation.output)), options));
    case "delete":
      return [compileDelete(mutation, wantedOf(outputParts(mutation.output)), options)];
    case "delete-by-pk":
      return [compileDelete(mutation, wantedOf([{ many: false, rows: mutation.output }]), options)];
    default:
      return mutation satisfies never;
  }
}

function wantedOf(outputs: Wanted["outputs"]): Wanted {
  return { rows: false, keys: [], outputs };
}

/** Nested rows are written one by one; their key columns, known only while running, are left out here. */
function insertStatements(insert: Insert, wanted: Wanted, options: CompileOptions): Statement[] {
  const nested = wantedOf([]);
  if (insert.rows.every(({ before, after }) => before.length + after.length === 0)) {
    return insert.rows.length === 0 ? [] : [compileInsert(insert, wanted, options)];
  }
  return insert.rows.flatMap((row) => [
    ...row.before.flatMap((child) => insertStatements(child.insert, nested, options)),
    compileInsert({ ...insert, rows: [row] }, nested, options),
    ...row.after.flatMap((child) => insertStatements(child.insert, nested, options)),
  ]);
}
