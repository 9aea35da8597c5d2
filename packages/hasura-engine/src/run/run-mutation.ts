import type { Table } from "../model/model.ts";
import type { MutationOutput, RowSelection, TableMutation, Update } from "../plan/plan.ts";
import {
  compileDelete,
  compileReturning,
  compileUpdate,
  needsRelated,
  type OutputPart,
  outputParts,
} from "../sql/mutation-sql.ts";
import type { Statement } from "../sql/statement.ts";
import { hasNested, insertFlat, insertNested, type MutationRun, refuseUnchecked, type Written } from "./run-insert.ts";
import { runStatement } from "./run-statement.ts";

/** Runs one table mutation on an open transaction and returns its field's JSON text. */
export async function runTableMutation(run: MutationRun, mutation: TableMutation): Promise<string> {
  switch (mutation.kind) {
    case "insert": {
      const parts = outputParts(mutation.output);
      return renderOutput(mutation.output, await insert(run, mutation.insert, parts));
    }
    case "insert-one":
      return (await insert(run, mutation.insert, [{ many: false, rows: mutation.output }])).outputs[0] ?? "null";
    case "update":
      return renderOutput(mutation.output, await update(run, mutation.update, outputParts(mutation.output)));
    case "update-by-pk":
      return one(await update(run, mutation.update, oneRow(mutation.output)));
    case "update-many": {
      const results: string[] = [];
      for (const item of mutation.updates)
        results.push(renderOutput(mutation.output, await update(run, item, outputParts(mutation.output))));
      return `[${results.join(",")}]`;
    }
    case "delete":
      return renderOutput(mutation.output, await remove(run, mutation, outputParts(mutation.output)));
    case "delete-by-pk":
      return one(await remove(run, mutation, oneRow(mutation.output)));
  }
}

function oneRow(rows: RowSelection): OutputPart[] {
  return [{ many: false, rows }];
}

function one(written: Written): string {
  return written.outputs[0] ?? "null";
}

async function insert(
  run: MutationRun,
  plan: Parameters<typeof insertFlat>[1],
  parts: readonly OutputPart[],
): Promise<Written> {
  const related = parts.some(({ rows }) => needsRelated(rows));
  if (!hasNested(plan)) {
    if (!related) return insertFlat(run, plan, parts, false);
    return readBack(run, plan.table, parts, await insertFlat(run, plan, [], true));
  }
  return readBack(run, plan.table, parts, await insertNested(run, plan));
}

async function update(run: MutationRun, plan: Update, parts: readonly OutputPart[]): Promise<Written> {
  if (plan.sets.length === 0)
    return { affected: 0, rows: "[]", outputs: parts.map(({ many }) => (many ? "[]" : "null")) };
  return write(run, plan.table, parts, (wanted) => compileUpdate(plan, wanted, run.options));
}

async function remove(
  run: MutationRun,
  plan: Extract<TableMutation, { kind: "delete" | "delete-by-pk" }>,
  parts: readonly OutputPart[],
): Promise<Written> {
  return write(run, plan.table, parts, (wanted) => compileDelete(plan, wanted, run.options));
}

type Wanted = Parameters<typeof compileUpdate>[1];

async function write(
  run: MutationRun,
  table: Table,
  parts: readonly OutputPart[],
  compile: (wanted: Wanted) => Statement,
): Promise<Written> {
  const related = parts.some(({ rows }) => needsRelated(rows));
  const statement = compile({ rows: related, keys: [], outputs: related ? [] : parts });
  const [row] = await runStatement(run.connection, statement, run.bindings);
  refuseUnchecked(row, "$");
  const affected = Number(row?.affected ?? 0);
  if (!related) return { affected, rows: "[]", outputs: parts.map((_part, index) => String(row?.[`out${index}`])) };
  return readBack(run, table, parts, { affected, rows: String(row?.rows ?? "[]"), outputs: [] });
}

/** Reads relationships of written rows in a statement of its own: only that one sees what the first one wrote. */
async function readBack(
  run: MutationRun,
  table: Table,
  parts: readonly OutputPart[],
  written: Written,
): Promise<Written> {
  if (parts.length === 0) return written;
  const [row] = await runStatement(
    run.connection,
    compileReturning(table, parts, written.rows, run.options),
    run.bindings,
  );
  return { ...written, outputs: parts.map((_part, index) => String(row?.[`out${index}`])) };
}

function renderOutput(output: MutationOutput, written: Written): string {
  let part = 0;
  const members = output.map((field) => {
    const key = JSON.stringify(field.alias);
    switch (field.kind) {
      case "typename":
        return `${key}:${JSON.stringify(field.value)}`;
      case "affected-rows":
        return `${key}:${written.affected}`;
      case "returning":
        return `${key}:${written.outputs[part++] ?? "[]"}`;
      default:
        return field satisfies never;
    }
  });
  return `{${members.join(",")}}`;
}
