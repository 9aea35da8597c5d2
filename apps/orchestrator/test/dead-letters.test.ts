import { randomUUID } from "node:crypto";
import { deadLetters, emails } from "@control-plane/db";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { discardDeadLetter } from "../src/actions/discard-dead-letter.ts";
import { redriveDeadLetter } from "../src/actions/redrive-dead-letter.ts";
import { test as base } from "./acme.ts";
import { deadLettersIn } from "./stored-state.ts";

type NewLetter = Partial<typeof deadLetters.$inferInsert>;

const test = base.extend("letters", ({ acme, db }) => {
  /** Of the tenant, open, about nothing unless said otherwise. */
  const add = async (letter: NewLetter): Promise<string> => {
    const values = { tenantId: acme.tenant.id, kind: "RUN" as const, reason: "LEASE_LOST", ...letter };
    const [row] = await db.db.insert(deadLetters).values(values).returning({ id: deadLetters.id });
    return row?.id ?? "";
  };
  return {
    add,
    async ofRun() {
      const run = await acme.workflow.run({ status: "FAILED", input: { n: 1 } });
      return { run, deadLetterId: await add({ referenceId: run.id }) };
    },
    /** Of a mail that invites somebody and was given up. */
    async ofMail() {
      const { rows } = await db.pool.query<{ id: string }>(
        `with invited as (
           insert into invitations (tenant_id, email, role, token_hash, expires_at)
           values ($1, 'vera@example.com', 'viewer', sha256('t'), now() + interval '1 day') returning id, tenant_id)
         insert into internal.emails (tenant_id, kind, recipient, invitation_id, status, attempts, last_error)
         select tenant_id, 'INVITATION', 'vera@example.com', id, 'FAILED', 8, 'ECONNREFUSED' from invited returning id`,
        [acme.tenant.id],
      );
      return { deadLetterId: await add({ kind: "EMAIL", referenceId: rows[0]?.id, reason: "EMAIL_NOT_TAKEN" }) };
    },
  };
});

describe("redriven", () => {
  test("a run starts again from its beginning as a new run, once, and the trail says who did it", async ({
    acme,
    actions,
    db,
    letters,
  }) => {
    const { run, deadLetterId } = await letters.ofRun();
    const admin = await acme.tenant.user("admin");

    const reply = await actions.succeed(redriveDeadLetter, admin, { deadLetterId });
    const again = await actions.call(redriveDeadLetter, admin, { deadLetterId });

    expect(reply).toEqual({ ok: true, runId: expect.any(String) });
    expect(again).toBeRefused("CONFLICT");
    const retries = (await acme.tenant.runs()).filter(({ source }) => source === "RETRY");
    expect(retries).toMatchObject([{ id: reply.runId, retryOfRunId: run.id, input: { n: 1 }, createdBy: admin.id }]);
    expect(await deadLettersIn(db)).toMatchObject([
      { status: "REDRIVEN", resolvedBy: admin.id, resolvedAt: expect.any(Date) },
    ]);
    const trail = (await acme.tenant.audit()).filter(({ targetId }) => targetId === deadLetterId);
    expect(trail.at(-1)).toMatchObject({
      action: "dead_letter.updated",
      actorId: admin.id,
      changes: { status: { old: "OPEN", new: "REDRIVEN" } },
    });
  });

  test("by many at once it is redriven by one", async ({ acme, actions, letters }) => {
    const { deadLetterId } = await letters.ofRun();

    const replies = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        actions.call(n % 2 === 0 ? redriveDeadLetter : discardDeadLetter, acme.owner, { deadLetterId }),
      ),
    );

    expect(replies.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
    for (const reply of replies) if (reply.outcome === "refused") expect(reply.code).toBe("CONFLICT");
    expect((await acme.tenant.runs()).length).toBeLessThanOrEqual(2);
  });

  test("a run of an archived workflow is refused, and the letter stays open", async ({
    acme,
    actions,
    db,
    letters,
  }) => {
    const { deadLetterId } = await letters.ofRun();
    await db.db.execute(sql`update workflows set archived_at = now() where id = ${acme.workflow.id}`);

    const reply = await actions.call(redriveDeadLetter, acme.owner, { deadLetterId });

    expect(reply).toBeRefused("WORKFLOW_NOT_PUBLISHED");
    expect(await deadLettersIn(db)).toMatchObject([{ status: "OPEN", resolvedBy: null }]);
  });

  test("a mail waits to be sent again, with all its attempts", async ({ acme, actions, db, letters }) => {
    const { deadLetterId } = await letters.ofMail();

    const reply = await actions.succeed(redriveDeadLetter, acme.owner, { deadLetterId });

    expect(reply).toEqual({ ok: true, runId: null });
    expect(await db.db.select().from(emails)).toMatchObject([
      { status: "QUEUED", attempts: 0, lastError: null, payloadCipher: null },
    ]);
    expect(await deadLettersIn(db)).toMatchObject([{ status: "REDRIVEN" }]);
  });

  test("a mail that was deleted meanwhile is a conflict that says so; the letter can be discarded", async ({
    acme,
    actions,
    db,
    letters,
  }) => {
    const { deadLetterId } = await letters.ofMail();
    await db.db.delete(emails);

    const reply = await actions.call(redriveDeadLetter, acme.owner, { deadLetterId });
    const discarded = await actions.succeed(discardDeadLetter, acme.owner, { deadLetterId });

    expect(reply).toBeRefused("CONFLICT");
    expect(reply).toMatchObject({ message: expect.stringContaining("send the invitation again") });
    expect(discarded).toEqual({ ok: true });
  });

  test("events of a runner are a conflict, and can be discarded", async ({ acme, actions, db, letters }) => {
    const deadLetterId = await letters.add({ kind: "RUN_EVENT", reason: "EVENT_UNVERIFIED" });

    const reply = await actions.call(redriveDeadLetter, acme.owner, { deadLetterId });
    const discarded = await actions.succeed(discardDeadLetter, acme.owner, { deadLetterId });

    expect(reply).toBeRefused("CONFLICT");
    expect(discarded).toEqual({ ok: true });
    expect(await deadLettersIn(db)).toMatchObject([{ status: "DISCARDED", resolvedBy: acme.owner.id }]);
  });
});

test("discarding is once, and nothing runs for it", async ({ acme, actions, db, letters }) => {
  const { deadLetterId } = await letters.ofRun();

  const reply = await actions.succeed(discardDeadLetter, acme.owner, { deadLetterId });
  const again = [
    await actions.call(discardDeadLetter, acme.owner, { deadLetterId }),
    await actions.call(redriveDeadLetter, acme.owner, { deadLetterId }),
  ];

  expect(reply).toEqual({ ok: true });
  for (const refused of again) expect(refused).toBeRefused("CONFLICT");
  expect(await acme.tenant.runs()).toHaveLength(1);
  expect(await deadLettersIn(db)).toMatchObject([{ status: "DISCARDED" }]);
});

for (const action of [redriveDeadLetter, discardDeadLetter]) {
  test(`${action.name}: not for builders and viewers, other tenants, letters of no tenant, or what names no letter`, async ({
    acme,
    actions,
    db,
    letters,
    world,
  }) => {
    const { deadLetterId } = await letters.ofRun();
    const ofNobody = await letters.add({ kind: "RUN_EVENT", reason: "EVENT_UNREADABLE", tenantId: null });
    const stranger = await (await world.tenant()).user("owner");

    for (const role of ["builder", "viewer"] as const)
      expect(await actions.call(action, await acme.tenant.user(role), { deadLetterId })).toBeRefused("FORBIDDEN");
    const unknown = [
      await actions.call(action, stranger, { deadLetterId }),
      await actions.call(action, acme.owner, { deadLetterId: ofNobody }),
      await actions.call(action, acme.owner, { deadLetterId: randomUUID() }),
    ];
    for (const reply of unknown) expect(reply).toBeRefused("NOT_FOUND");
    for (const input of [{}, { deadLetterId: "7" }, { deadLetterId, force: true }])
      expect(await actions.call(action, acme.owner, input)).toBeRefused("BAD_INPUT");
    expect((await deadLettersIn(db)).map(({ status }) => status)).toEqual(["OPEN", "OPEN"]);
  });
}
