import { isJsonList, type Json, parseJson, printJson } from "../json/exact-json.ts";
import { hasJoins, type JoinTarget, replaceCells } from "../plan/join-rows.ts";
import type { RemoteField, RemoteJoin } from "../plan/plan.ts";
import type { RequestContext } from "../session/session.ts";
import { callRemote } from "./call-remote.ts";
import { answerAt, joinedField, usedColumns } from "./join-arguments.ts";
import { presetScope } from "./presets.ts";
import { type PrintedRoot, printOperation } from "./print-operation.ts";

/**
 * Replaces every join cell of an answer by what the remote schema says: one request per relationship and answer, equal
 * arguments asked once. A cell with a null value stays null without a call.
 */
export async function joinRemotes(target: JoinTarget, jsonText: string, context: RequestContext): Promise<string> {
  if (!hasJoins(target)) return jsonText;
  const answer = parseJson(jsonText);
  const batches = new Map<RemoteJoin, Batch>();
  replaceCells(answer, target, (join, cell) => {
    addCell(batches, join, cell);
    return null;
  });
  const answers = new Map<RemoteJoin, ReadonlyMap<string, Json>>();
  await Promise.all([...batches].map(async ([join, batch]) => answers.set(join, await runBatch(join, batch, context))));
  const replaced = replaceCells(answer, target, (join, cell) => {
    const [batch, values] = [batches.get(join), joinValues(join, cell)];
    return batch === undefined || values === undefined
      ? null
      : (answers.get(join)?.get(keyOf(batch, join, values)) ?? null);
  });
  return printJson(replaced);
}

/** Upstream fields by the values that decide them. */
type Batch = { readonly used: ReadonlySet<string>; readonly fields: Map<string, RemoteField> };

function addCell(batches: Map<RemoteJoin, Batch>, join: RemoteJoin, cell: Json): void {
  const values = joinValues(join, cell);
  if (values === undefined) return;
  const batch = batches.get(join) ?? { used: usedColumns(join), fields: new Map() };
  batches.set(join, batch);
  const key = keyOf(batch, join, values);
  if (!batch.fields.has(key)) batch.fields.set(key, joinedField(join, values));
}

/** Undefined when any value is null. */
function joinValues(join: RemoteJoin, cell: Json): readonly Json[] | undefined {
  if (!isJsonList(cell)) return undefined;
  return join.relationship.lhsColumns.every((_column, index) => (cell[index] ?? null) !== null) ? cell : undefined;
}

function keyOf({ used }: Batch, join: RemoteJoin, values: readonly Json[]): string {
  return printJson(values.filter((_value, index) => used.has(join.relationship.lhsColumns[index]?.name ?? "")));
}

async function runBatch(join: RemoteJoin, batch: Batch, context: RequestContext): Promise<ReadonlyMap<string, Json>> {
  const entries = [...batch.fields].map(([key, field], index) => ({ key, field, alias: `join_${index}` }));
  const roots: readonly PrintedRoot[] = entries;
  const operation = printOperation(presetScope(join.remote, context.session), "query", roots);
  const data = await callRemote(join.remote, operation, context);
  return new Map(entries.map(({ key, alias }) => [key, answerAt(join, data.get(alias) ?? null)]));
}
