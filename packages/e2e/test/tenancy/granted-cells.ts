import { randomUUID } from "node:crypto";
import type { HasuraRole } from "@control-plane/service-kit";
import { expect } from "vitest";
import { z } from "zod";
import type { Drafts } from "./drafts.ts";
import { sampleRow } from "./insert-samples.ts";
import { FIELDS, type Kind } from "./root-fields.ts";
import type { Stage } from "./stage.ts";
import type { TrackedTable } from "./tracked-tables.ts";
import type { Reply } from "./watched-api.ts";

/** One root field of a role that has it. */
export type Cell = { stage: Stage; table: TrackedTable; role: HasuraRole };

const idsSchema = z.array(z.looseObject({ id: z.string() }));
const SMALLEST_UUID = "00000000-0000-0000-0000-000000000000";

/** Works on the tenant's own row, and neither shows nor touches another's: the same answer as for a row that is absent. */
export const GRANTED: Record<Kind, (cell: Cell) => Promise<void>> = {
  async list(cell) {
    const read = asker(
      cell,
      `query($where: ${cell.table.name}_bool_exp!) { found: ${cell.table.name}(where: $where) ${selection(cell)} }`,
    );

    expect(idsOf(await read({ where: {} }))).toContain(shown(cell));
    expect(idsOf(await read({ where: isOneOf([shown(cell), theirShown(cell)]) }))).toEqual([shown(cell)]);
    expect(idsOf(await alike(read, theirShown(cell), (id) => ({ where: isOneOf([id]) })))).toEqual([]);
  },

  async by_pk(cell) {
    const read = asker(cell, `query($id: uuid!) { found: ${fieldName(cell, "by_pk")}(id: $id) ${selection(cell)} }`);

    expect(await read({ id: shown(cell) })).toMatchObject({ data: { found: { id: shown(cell) } } });
    expect(await alike(read, theirShown(cell), (id) => ({ id }))).toMatchObject({ data: { found: null } });
  },

  async aggregate(cell) {
    const counted = z.object({ aggregate: z.object({ count: z.number() }), nodes: idsSchema });
    const read = asker(
      cell,
      `query($where: ${cell.table.name}_bool_exp!) { found: ${fieldName(cell, "aggregate")}(where: $where) { aggregate { count } nodes { id } } }`,
    );
    const count = (reply: Reply) => counted.parse(found(reply));
    const own = await cell.stage.plane.sql.query<{ count: number }>(
      `select count(*)::int as count from ${cell.table.name} where tenant_id = $1`,
      [cell.stage.mine.tenant.id],
    );

    expect(count(await read({ where: {} })).aggregate.count).toBe(own.rows[0]?.count);
    expect(count(await read({ where: isOneOf([shown(cell), theirShown(cell)]) }))).toEqual({
      aggregate: { count: 1 },
      nodes: [{ id: shown(cell) }],
    });
    expect(count(await alike(read, theirShown(cell), (id) => ({ where: isOneOf([id]) }))).aggregate.count).toBe(0);
  },

  async "live list"(cell) {
    const document = `subscription($where: ${cell.table.name}_bool_exp!) { found: ${cell.table.name}(where: $where) ${selection(cell)} }`;
    const where = isOneOf([shown(cell), theirShown(cell)]);

    expect(idsOf(await cell.stage.first(document, { variables: { where }, token: token(cell) }))).toEqual([
      shown(cell),
    ]);
  },

  async stream(cell) {
    const { name } = cell.table;
    const document = `subscription($where: ${name}_bool_exp!, $id: uuid!) {
      found: ${fieldName(cell, "stream")}(batch_size: 100, cursor: {initial_value: {id: $id}, ordering: ASC}, where: $where) ${selection(cell)}
    }`;
    const variables = { where: isOneOf([shown(cell), theirShown(cell)]), id: SMALLEST_UUID };

    expect(idsOf(await cell.stage.first(document, { variables, token: token(cell) }))).toEqual([shown(cell)]);
  },

  async insert(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($row: ${name}_insert_input!) { found: insert_${name}(objects: [$row]) { affected_rows } }`,
    );

    await insertsOwnRowsOnly(cell, write);
  },

  async insert_one(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($row: ${name}_insert_input!) { found: insert_${name}_one(object: $row) ${selection(cell)} }`,
    );

    await insertsOwnRowsOnly(cell, write);
  },

  async update(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($where: ${name}_bool_exp!, $set: ${name}_set_input!) { found: update_${name}(where: $where, _set: $set) { affected_rows } }`,
    );
    const { own, set, foreign } = await changeable(cell);

    expect(found(await write({ where: isOneOf([own, ...foreign]), set }))).toEqual({ affected_rows: 1 });
    for (const id of foreign) {
      const reply = await alike(write, id, (row) => ({ where: isOneOf([row]), set }));
      expect(found(reply)).toEqual({ affected_rows: 0 });
    }
  },

  async update_many(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($updates: [${name}_updates!]!) { found: update_${name}_many(updates: $updates) { affected_rows } }`,
    );
    const { own, set, foreign } = await changeable(cell);
    const update = (id: string) => ({ where: isOneOf([id]), _set: set });

    expect(found(await write({ updates: [own, ...foreign].map(update) }))).toEqual([
      { affected_rows: 1 },
      ...foreign.map(() => ({ affected_rows: 0 })),
    ]);
    for (const id of foreign) await alike(write, id, (row) => ({ updates: [update(row)] }));
  },

  async update_by_pk(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($id: uuid!, $set: ${name}_set_input!) { found: update_${name}_by_pk(pk_columns: {id: $id}, _set: $set) ${selection(cell)} }`,
    );
    const { own, set, foreign } = await changeable(cell);

    expect(found(await write({ id: own, set }))).toMatchObject({ id: own });
    for (const id of foreign) expect(found(await alike(write, id, (row) => ({ id: row, set })))).toBeNull();
  },

  async delete(cell) {
    const { name } = cell.table;
    const write = asker(
      cell,
      `mutation($where: ${name}_bool_exp!) { found: delete_${name}(where: $where) { affected_rows } }`,
    );
    const { own, foreign } = await deletable(cell);

    expect(found(await write({ where: isOneOf([own, ...foreign]) }))).toEqual({ affected_rows: 1 });
    for (const id of foreign) {
      const reply = await alike(write, id, (row) => ({ where: isOneOf([row]) }));
      expect(found(reply)).toEqual({ affected_rows: 0 });
    }
    expect(await rowOf(cell, own)).toBeUndefined();
  },

  async delete_by_pk(cell) {
    const { name } = cell.table;
    const write = asker(cell, `mutation($id: uuid!) { found: delete_${name}_by_pk(id: $id) ${selection(cell)} }`);
    const { own, foreign } = await deletable(cell);

    expect(found(await write({ id: own }))).toMatchObject({ id: own });
    for (const id of foreign) expect(found(await alike(write, id, (row) => ({ id: row })))).toBeNull();
    expect(await rowOf(cell, own)).toBeUndefined();
  },
};

type Ask = (variables: Readonly<Record<string, unknown>>) => Promise<Reply>;

function asker(cell: Cell, document: string): Ask {
  return (variables) => cell.stage.ask(document, { variables, token: token(cell) });
}

/** The answer about a foreign row, after making sure that an absent one is answered with the same bytes. */
async function alike(ask: Ask, foreign: string, about: (id: string) => Record<string, unknown>): Promise<Reply> {
  const reply = await ask(about(foreign));
  expect(reply.body).toBe((await ask(about(randomUUID()))).body);
  return reply;
}

/** The row becomes the caller's own; under a parent of the other tenant, or under none, nothing is inserted. */
async function insertsOwnRowsOnly(cell: Cell, write: Ask): Promise<void> {
  const { stage, table } = cell;
  const row = sampleRow(table.name, await stage.newDrafts());
  const before = await ownIds(cell);

  expect((await write({ row })).refusal).toBeUndefined();
  const [made, ...more] = (await ownIds(cell)).filter((id) => !before.includes(id));
  expect(more).toEqual([]);
  const stored = await rowOf(cell, made ?? "");
  expect(stored).toMatchObject({ tenant_id: stage.mine.tenant.id });
  if (stage.columns(table.name).includes("created_by"))
    expect(stored).toMatchObject({ created_by: stage.mine.users[cell.role].id });

  const absent: Drafts = new Map([...stage.theirs.drafts.keys()].map((name) => [name, randomUUID()]));
  if (sampleParents(table.name, absent).length > 0) {
    const drafted = stage.theirs.drafts.get("drafted workflow") ?? "";
    const underTheirs = await write({ row: sampleRow(table.name, stage.theirs.drafts) });
    const underTheirFull = await write({
      row: sampleRow(table.name, new Map([...stage.theirs.drafts, ["workflows", drafted]])),
    });
    const underNone = await write({ row: sampleRow(table.name, absent) });
    expect(underTheirs.refusal).toBeDefined();
    expect(underTheirs.body).toBe(underNone.body);
    expect(underTheirFull.body).toBe(underNone.body);
  }
  expect(await ownIds(cell)).toHaveLength(before.length + 1);
}

function sampleParents(table: string, drafts: Drafts): unknown[] {
  const ids: unknown[] = [...drafts.values()];
  return Object.values(sampleRow(table, drafts)).filter((value) => ids.includes(value));
}

/** The row that is changed, its present values in every column the role may write, and rows it must leave alone. */
async function changeable(cell: Cell): Promise<{ own: string; set: Record<string, unknown>; foreign: string[] }> {
  const { stage, table, role } = cell;
  const own = stage.mine.drafts.get(table.name) ?? shown(cell);
  const row = await rowOf(cell, own);
  const set = Object.fromEntries((table.update.get(role) ?? []).map((column) => [column, row?.[column]]));
  const foreign = stage.theirs.drafts.get(table.name) ?? theirShown(cell);
  return { own, set, foreign: [foreign, ...(await globalIds(cell))] };
}

async function deletable(cell: Cell): Promise<{ own: string; foreign: string[] }> {
  const { stage, table } = cell;
  const own = (await stage.newDrafts()).get(table.name);
  const foreign = stage.theirs.drafts.get(table.name);
  if (own === undefined || foreign === undefined)
    throw new Error(`rows of ${table.name} may be deleted: add one to the drafts`);
  return { own, foreign: [foreign, ...(await globalIds(cell))] };
}

/** A row of the global catalogue, where the table has some. */
async function globalIds({ stage, table }: Cell): Promise<string[]> {
  if (!stage.columns(table.name).includes("tenant_id")) return [];
  const { rows } = await stage.plane.sql.query<{ id: string }>(
    `select id from ${table.name} where tenant_id is null limit 1`,
  );
  return rows.map(({ id }) => id);
}

async function ownIds({ stage, table }: Cell): Promise<string[]> {
  const { rows } = await stage.plane.sql.query<{ id: string }>(`select id from ${table.name} where tenant_id = $1`, [
    stage.mine.tenant.id,
  ]);
  return rows.map(({ id }) => id);
}

async function rowOf({ stage, table }: Cell, id: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await stage.plane.sql.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) as row from ${table.name} t where id = $1`,
    [id],
  );
  return rows[0]?.row;
}

/** Every column the role may read. */
function selection({ table, role }: Cell): string {
  return `{ ${table.select.get(role)?.columns.join(" ")} }`;
}

function fieldName({ table }: Cell, kind: Kind): string {
  return FIELDS[kind].name(table.name);
}

function token({ stage, role }: Cell): string | undefined {
  return stage.token(role);
}

function shown({ stage, table, role }: Cell): string {
  return stage.mine.shown(table.name, role);
}

function theirShown({ stage, table, role }: Cell): string {
  return stage.theirs.shown(table.name, role);
}

function isOneOf(ids: readonly string[]): Record<string, unknown> {
  return { id: { _in: ids } };
}

function found(reply: Reply): unknown {
  expect(reply.refusal).toBeUndefined();
  return z.object({ found: z.unknown() }).parse(reply.data).found;
}

function idsOf(reply: Reply): string[] {
  return idsSchema.parse(found(reply)).map(({ id }) => id);
}
