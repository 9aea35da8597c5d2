import type { HasuraRole } from "@control-plane/service-kit";
import { expect } from "vitest";
import { actionCall, sampleArguments } from "./action-samples.ts";
import { sampleRow } from "./insert-samples.ts";
import type { Stage } from "./stage.ts";
import type { TrackedAction, TrackedTable } from "./tracked-tables.ts";

/** Somebody whose token still says `role`, although the membership no longer does. */
export type FormerMember = { stage: Stage; token: string; role: HasuraRole; userId: string };

/** What tables answer to requests that a member of the role may make, in one word each. */
export async function askTable(member: FormerMember, table: TrackedTable): Promise<Record<string, unknown>> {
  const { stage, token, role, userId } = member;
  const { name } = table;
  const own = name === "users" ? userId : (stage.mine.drafts.get(name) ?? stage.mine.shown(name, role));
  const ask = async (document: string, variables: Readonly<Record<string, unknown>>) => {
    const { data, refusal } = await stage.ask(document, { token, variables });
    return refusal ?? data;
  };
  const answers: Record<string, unknown> = {};
  if (table.select.has(role)) {
    answers.list = await ask(`query { found: ${name} { id } }`, {});
    answers.by_pk = await ask(`query($own: uuid!) { found: ${name}_by_pk(id: $own) { id } }`, { own });
  }
  if (table.select.get(role)?.aggregates === true)
    answers.aggregate = await ask(`query { found: ${name}_aggregate { aggregate { count } } }`, {});
  if (table.insert.has(role))
    answers.insert = await ask(
      `mutation($row: ${name}_insert_input!) { found: insert_${name}(objects: [$row]) { affected_rows } }`,
      { row: sampleRow(name, stage.mine.drafts) },
    );
  const [column] = table.update.get(role) ?? [];
  if (column !== undefined)
    answers.update = await ask(
      `mutation($own: uuid!, $set: ${name}_set_input!) { found: update_${name}(where: {id: {_eq: $own}}, _set: $set) { affected_rows } }`,
      { own, set: { [column]: await presentValue(stage, name, column, own) } },
    );
  if (table.delete.has(role))
    answers.delete = await ask(
      `mutation($own: uuid!) { found: delete_${name}(where: {id: {_eq: $own}}) { affected_rows } }`,
      { own },
    );
  return answers;
}

/** What {@link askTable} must give: no row is seen or touched. */
export function nothingOf(table: TrackedTable, role: HasuraRole): Record<string, unknown> {
  const none = { found: { affected_rows: 0 } };
  return {
    ...(table.select.has(role) ? { list: { found: [] }, by_pk: { found: null } } : {}),
    ...(table.select.get(role)?.aggregates === true ? { aggregate: { found: { aggregate: { count: 0 } } } } : {}),
    ...(table.insert.has(role) ? { insert: expect.objectContaining({ code: "permission-error" }) } : {}),
    ...(table.update.has(role) ? { update: none } : {}),
    ...(table.delete.has(role) ? { delete: none } : {}),
  };
}

/** Codes of the actions that a member of the role may call. */
export async function callActions(
  { stage, token, role }: FormerMember,
  actions: readonly TrackedAction[],
): Promise<Record<string, unknown>> {
  const codes: Record<string, unknown> = {};
  for (const action of actions.filter(({ roles }) => roles.has(role))) {
    const variables = sampleArguments(action, stage.mine);
    const { refusal } = await stage.ask(actionCall(action, variables), { token, variables });
    codes[action.name] = refusal?.code;
  }
  return codes;
}

async function presentValue(stage: Stage, table: string, column: string, id: string): Promise<unknown> {
  const { rows } = await stage.plane.sql.query<{ value: unknown }>(
    `select to_jsonb(t) -> $1 as value from ${table} t where id = $2`,
    [column, id],
  );
  return rows[0]?.value;
}
