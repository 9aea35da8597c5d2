import type { Session } from "@control-plane/hasura-engine";
import type { HasuraRole } from "@control-plane/service-kit";
import type { TrackedTable } from "../test/tenancy/tracked-tables.ts";
import { type Answer, ask, sessionOf } from "./ask.ts";
import type { Document } from "./generate-document.ts";
import { alike, isNothing, type Known, strangersIn } from "./judge.ts";
import { createRowReader } from "./rows.ts";
import { poolOf, type ValuePool } from "./values.ts";
import type { Three, World, Worlds } from "./worlds.ts";

export type Seen = { readonly code: string | undefined; readonly what: string | undefined };
export type Checks = {
  readonly pool: ValuePool;
  /** Asks as somebody of the tenant; the other tenant must neither show nor change, nor make a difference. */
  member(document: Document, session: Session): Promise<Seen>;
  /** Asks as somebody who was of the tenant: nothing shows and nothing changes. */
  formerMember(document: Document, session: Session): Promise<Seen>;
  /** A table that the role may read and of which its tenant's rows do not show: then all else would prove nothing. */
  unseenTables(role: HasuraRole): Promise<{ what: string; document: Document } | undefined>;
  /** Writes that changed something since the last `renew`. */
  changes(): number;
  renew(): Promise<void>;
};

export async function createChecks(worlds: Worlds, tables: readonly TrackedTable[]): Promise<Checks> {
  const { mine, theirs } = worlds;
  const reader = createRowReader(
    tables.map(({ name }) => name),
    mine.tenant.id,
  );
  const rows = await reader.all(worlds.reading().present.sql);
  const pool = poolOf(rows);
  const known: Known = new Set([...pool.ids, ...pool.times]);
  const strangers = [
    theirs.mark,
    ...rows.filter(({ mine: own, row }) => !own && row.tenant_id !== null).map(({ row }) => String(row.id)),
  ];
  let changes = 0;
  const ownIds = async (): Promise<Set<unknown>> =>
    new Set((await reader.all(worlds.writing().present.sql)).map(({ row }) => row.id));
  let own = await ownIds();

  type Marks = Awaited<ReturnType<typeof reader.marks>>;
  /** As of the last look: nobody but these checks writes. */
  const lastMarks = new Map<World, Marks>();
  const lookAt = async (world: World): Promise<Marks> => {
    const marks = await reader.marks(world.sql);
    lastMarks.set(world, marks);
    return marks;
  };
  const marksOf = async (world: World): Promise<Marks> => lastMarks.get(world) ?? lookAt(world);

  /** What a write has done beyond what it may: to rows of others, or rows that are nobody's. */
  async function compareRows(world: World, before: Marks, session: Session): Promise<string | undefined> {
    const after = await lookAt(world);
    if (after.foreign !== before.foreign) return `rows of others changed (the other tenant's are ${world.content})`;
    if (after.mine === before.mine) return undefined;
    if (world.content !== "present") return undefined;
    changes += 1;
    const now = await reader.all(world.sql);
    const made = now.filter(({ mine: isMine, row }) => isMine && !own.has(row.id));
    own = new Set(now.map(({ row }) => row.id));
    const creator = session.variables.get("x-hasura-user-id");
    const foreign = made.find(({ row }) => "created_by" in row && row.created_by !== creator);
    return foreign === undefined ? undefined : `a row of ${foreign.table} was not created by who made it`;
  }

  async function askThree(document: Document, session: Session): Promise<Seen> {
    const three = document.operation === "mutation" ? worlds.writing() : worlds.reading();
    const each = Object.values(three);
    const writes = document.operation === "mutation";
    const before = writes ? await Promise.all(each.map(marksOf)) : [];
    const [present, absent, replaced] = await Promise.all(
      inOrder(three, (world) => ask(world.engine, document, session)),
    );
    const code = present.code;
    for (const answer of [present, replaced]) {
      const [stranger] = strangersIn(answer, absent, strangers);
      if (stranger !== undefined) return { code, what: "the answer shows the other tenant" };
    }
    if (!alike(present, absent, known) || !alike(present, replaced, known))
      return { code, what: "the answer depends on rows of the other tenant" };
    if (code === "unexpected") return { code, what: "what the schema offers ends as unexpected" };
    for (const [index, marks] of before.entries()) {
      const world = each[index];
      const what = world === undefined ? undefined : await compareRows(world, marks, session);
      if (what !== undefined) return { code, what };
    }
    return { code, what: undefined };
  }

  return {
    pool,
    member: askThree,
    async formerMember(document, session) {
      const world = (document.operation === "mutation" ? worlds.writing() : worlds.reading()).present;
      const before = document.operation === "mutation" ? await marksOf(world) : undefined;
      const answer = await ask(world.engine, document, session);
      const { code } = answer;
      if (code === undefined && !isNothing(JSON.parse(answer.text)))
        return { code, what: "a former member is answered" };
      const after = before === undefined ? undefined : await lookAt(world);
      if (before?.foreign !== after?.foreign || before?.mine !== after?.mine)
        return { code, what: "a former member changed rows" };
      return { code, what: undefined };
    },
    async unseenTables(role) {
      const session = sessionOf(role, mine.tenant.id, mine.users[role].id);
      for (const { name, select } of tables) {
        if (!select.has(role)) continue;
        const text = `query($id: uuid!) { ${name}(where: {id: {_eq: $id}}) { id } }`;
        const document: Document = { operation: "query", text, variables: { id: mine.shown(name, role) } };
        const { text: answer } = await ask(worlds.reading().present.engine, document, session);
        if (!answer.includes(mine.shown(name, role)))
          return { what: `a member sees no row of his own in ${name}`, document };
      }
      return undefined;
    },
    changes: () => changes,
    async renew() {
      await worlds.renew();
      own = await ownIds();
      lastMarks.clear();
      changes = 0;
    },
  };
}

function inOrder(
  { present, absent, replaced }: Three,
  work: (world: World) => Promise<Answer>,
): [Promise<Answer>, Promise<Answer>, Promise<Answer>] {
  return [work(present), work(absent), work(replaced)];
}
