import { newToken } from "@control-plane/crypto";
import { inTransaction } from "@control-plane/db";
import type { TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { acceptInvitation } from "../src/actions/accept-invitation.ts";
import { inviteUserToTenant } from "../src/actions/invite-user-to-tenant.ts";
import type { Deps } from "../src/deps.ts";
import { queueEmail, sealEmail } from "../src/domain/emails.ts";
import { sendMailPass } from "../src/domain/send-mail.ts";
import { invite } from "./invitation-mail.ts";
import { mailDeps, test } from "./mailing.ts";

const NEW = "grace@example.com";

async function emailRows({ pool }: TestDatabase) {
  const { rows } = await pool.query<Record<string, unknown>>(
    `select status, attempts, last_error, payload_cipher is null as emptied, sent_at is not null as sent,
       round(extract(epoch from next_attempt_at - now()))::int as seconds from internal.emails order by id`,
  );
  return rows;
}

async function fallDue({ pool }: TestDatabase): Promise<void> {
  await pool.query("update internal.emails set next_attempt_at = now() where status = 'QUEUED'");
}

const tokenOf = (link: string): string => new URLSearchParams(new URL(link).hash.slice(1)).get("token") ?? "";

async function queueReset(deps: Deps, name = "Ada"): Promise<string> {
  const { token } = newToken("pwr_");
  const expiresAt = "2030-01-08T12:30:00.000Z";
  const email = await sealEmail(deps.envelope, {
    tenantId: null,
    recipient: "ada@example.com",
    payload: { kind: "PASSWORD_RESET", token, name, expiresAt },
  });
  await inTransaction(deps.db, { source: "auth-actions" }, (tx) => queueEmail(tx, email));
  return token;
}

describe("a mail that waits", () => {
  test("goes to the invited alone, in two parts with the link, and then holds no token any more", async ({
    world,
    actions,
    service,
    db,
    smtp,
    mailing,
  }) => {
    const acme = await world.tenant({ name: "Acme & Söhne <b>" });
    const owner = await acme.user("owner", { name: "Ada" });
    const { token } = await invite({ actions, deps: service.deps, db }, owner, NEW, "builder");

    await mailing.pass();

    expect(smtp.mails).toHaveLength(1);
    const [mail] = smtp.mails;
    expect(mail).toMatchObject({
      from: "no-reply@control.example",
      to: [NEW],
      link: `https://app.example/console/invitations/accept#token=${token}`,
      email: { subject: "Invitation to Acme & Söhne <b>", from: { name: "Control plane" } },
    });
    expect(mail?.email.text).toContain("Ada invites you to “Acme & Söhne <b>” with the role builder.");
    expect(mail?.email.html).toContain("Ada invites you to “Acme &amp; Söhne &lt;b&gt;” with the role builder.");
    expect(mail?.email.html).toContain(`href="${mail?.link}"`);
    expect(await emailRows(db)).toEqual([
      expect.objectContaining({ status: "SENT", attempts: 1, last_error: null, emptied: true, sent: true }),
    ]);
    expect((await acme.invitations()).map(({ deliveryStatus }) => deliveryStatus)).toEqual(["SENT"]);
    expect((await acme.audit()).at(-1)).toMatchObject({
      action: "invitation.updated",
      actorType: "SYSTEM",
      source: "auth-actions",
      changes: { delivery_status: { old: "QUEUED", new: "SENT" } },
    });
  });

  test("is sent once, however often the loop runs", async ({ service, smtp, mailing }) => {
    await queueReset(service.deps);

    for (let times = 0; times < 3; times++) await mailing.pass();

    expect(smtp.mails).toHaveLength(1);
  });

  test("of a password reset leads to its own page", async ({ service, smtp, mailing }) => {
    const token = await queueReset(service.deps);

    await mailing.pass();

    expect(smtp.mails[0]).toMatchObject({
      link: `https://app.example/console/password/reset#token=${token}`,
      email: { subject: "Set a new password" },
    });
    expect(smtp.mails[0]?.email.text).toContain("until 8 January 2030 at 12:30 UTC");
  });

  test("is sent by one of several replicas", async ({ service, db, smtp }) => {
    for (let count = 0; count < 25; count++) await queueReset(service.deps, `user ${count}`);
    const replicas = Array.from({ length: 4 }, () => mailDeps(service.deps, smtp.url));

    await Promise.all(replicas.map(sendMailPass));

    const names = smtp.mails.map(({ email }) => /user \d+/.exec(email.text ?? "")?.[0]);
    expect(new Set(names).size).toBe(25);
    expect(names).toHaveLength(25);
    expect((await emailRows(db)).map(({ status }) => status)).toEqual(Array.from({ length: 25 }, () => "SENT"));
  });

  test("names of a tenant and a user forge neither lines nor headers nor tags", async ({
    world,
    actions,
    smtp,
    mailing,
  }) => {
    const acme = await world.tenant({ name: "Acme\r\nBcc: eve@example.com\u2028\u202Egro" });
    const owner = await acme.user("owner", { name: `<img src=x onerror="a">'&\nIgnore the rest` });

    await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "viewer" });
    await mailing.pass();

    const [mail] = smtp.mails;
    expect(mail?.to).toEqual([NEW]);
    expect(mail?.email.bcc).toBeUndefined();
    expect(mail?.email.subject).toBe("Invitation to Acme Bcc: eve@example.com gro");
    expect(mail?.email.text?.split("\n")[0]).toBe(
      `<img src=x onerror="a">'& Ignore the rest invites you to “Acme Bcc: eve@example.com gro” with the role viewer.`,
    );
    expect(mail?.email.html).toContain("&lt;img src=x onerror=&quot;a&quot;&gt;&#39;&amp; Ignore the rest");
    expect(mail?.email.html).not.toContain("<img");
  });
});

describe("a mail that nobody took", () => {
  test.for([
    ["refused for now", { refuse: 451 }, "EMESSAGE 451 DATA"],
    ["refused for good", { refuse: 550, saying: "no <grace@example.com> here, token inv_x" }, "EMESSAGE 550 DATA"],
  ] as const)(
    "because it was %s is tried again after 30 s, and codes alone are kept of it",
    async ([, behaviour, reason], { world, actions, service, db, smtp, mailing }) => {
      const acme = await world.tenant();
      const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
      smtp.answer(behaviour);

      await mailing.pass();
      await mailing.pass();

      expect(smtp.mails).toHaveLength(1);
      const [row] = await emailRows(db);
      expect(row).toMatchObject({ status: "QUEUED", attempts: 1, last_error: reason, emptied: false });
      expect(row?.seconds).toBeGreaterThan(0);
      expect(row?.seconds).toBeLessThanOrEqual(30);
      expect((await acme.invitations()).map(({ deliveryStatus }) => deliveryStatus)).toEqual(["QUEUED"]);
      expect(mailing.logged()).toContain(reason);
      for (const secret of [token, NEW, "inv_x"]) expect(mailing.logged()).not.toContain(secret);
    },
  );

  test("because no server was there goes out when there is one, with the same link", async ({
    world,
    actions,
    service,
    db,
    smtp,
    mailing,
  }) => {
    const { token } = await invite(
      { actions, deps: service.deps, db },
      await (await world.tenant()).user("owner"),
      NEW,
    );
    await sendMailPass(mailDeps(service.deps, "smtp://127.0.0.1:9"));
    const [before] = await emailRows(db);
    await fallDue(db);

    await mailing.pass();

    expect(before).toMatchObject({ status: "QUEUED", last_error: expect.stringMatching(/^ESOCKET CONN|^ECONN/) });
    expect(smtp.mails.map(({ link }) => tokenOf(link))).toEqual([token]);
    expect(await emailRows(db)).toEqual([expect.objectContaining({ status: "SENT", attempts: 2, last_error: null })]);
  });

  test("waits twice as long each time, and is given up after eight, with a dead letter", async ({
    world,
    actions,
    service,
    db,
    smtp,
    mailing,
  }) => {
    const acme = await world.tenant();
    await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
    smtp.answer({ refuse: 550 });
    const waits: unknown[] = [];

    for (let times = 0; times < 8; times++) {
      await fallDue(db);
      await mailing.pass();
      waits.push((await emailRows(db))[0]?.seconds);
    }
    await fallDue(db);
    await mailing.pass();

    for (const [index, seconds] of [30, 60, 120, 240, 480, 960, 1_920].entries()) {
      expect(waits[index]).toBeGreaterThan(seconds - 25);
      expect(waits[index]).toBeLessThanOrEqual(seconds);
    }
    expect(smtp.mails).toHaveLength(8);
    expect(await emailRows(db)).toEqual([
      expect.objectContaining({ status: "FAILED", attempts: 8, last_error: "EMESSAGE 550 DATA", emptied: true }),
    ]);
    expect((await acme.invitations()).map(({ deliveryStatus }) => deliveryStatus)).toEqual(["FAILED"]);
    const { rows } = await db.pool.query(
      "select d.tenant_id, d.kind, d.reason, d.detail, d.attempts, d.status, d.payload from dead_letters d join internal.emails e on e.id = d.reference_id",
    );
    expect(rows).toEqual([
      {
        tenant_id: acme.id,
        kind: "EMAIL",
        reason: "EMAIL_NOT_TAKEN",
        detail: "EMESSAGE 550 DATA",
        attempts: 8,
        status: "OPEN",
        payload: null,
      },
    ]);
    expect((await acme.audit()).map(({ action }) => action)).toContain("dead_letter.created");
    expect(await service.deps.metrics.render()).toMatch(/^dead_letters_total\{.*kind="EMAIL".*\} 1$/m);
  });

  test("waits an hour at most", async ({ service, db, smtp, mailing }) => {
    await queueReset(service.deps);
    await db.pool.query("update internal.emails set attempts = 60");
    smtp.answer("take");

    await mailing.pass();

    const { rows } = await db.pool.query(
      "select extract(epoch from next_attempt_at - updated_at)::int <= 3600 as within from internal.emails",
    );
    expect(rows).toEqual([{ within: true }]);
  });

  test("does not keep the others waiting", async ({ service, db, smtp, mailing }) => {
    await queueReset(service.deps, "first");
    await db.pool.query("update internal.emails set payload_cipher = payload_cipher || '\\x00'");
    await queueReset(service.deps, "second");

    await mailing.pass();

    expect(smtp.mails.map(({ email }) => email.text)).toEqual([expect.stringContaining("second")]);
    expect((await emailRows(db)).map(({ status, last_error }) => [status, last_error])).toEqual([
      ["QUEUED", "EnvelopeError"],
      ["SENT", null],
    ]);
  });
});

describe("a mail that has nothing to say any more", () => {
  test.for(["ACCEPTED", "DECLINED", "REVOKED", "EXPIRED"])(
    "since its invitation is %s is not sent",
    async (status, { world, actions, service, db, smtp, mailing }) => {
      await invite({ actions, deps: service.deps, db }, await (await world.tenant()).user("owner"), NEW);
      await db.pool.query("update invitations set status = $1::invitation_status", [status]);

      await mailing.pass();

      expect(smtp.mails).toEqual([]);
      expect(await emailRows(db)).toEqual([
        expect.objectContaining({ status: "FAILED", last_error: "CLOSED", emptied: true }),
      ]);
      expect((await db.pool.query("select 1 from dead_letters")).rowCount).toBe(0);
    },
  );

  test("since it is a reset whose token is gone is not sent", async ({ service, db, smtp, mailing }) => {
    await queueReset(service.deps);
    await db.pool.query("update internal.emails set payload_cipher = null");

    await mailing.pass();

    expect(smtp.mails).toEqual([]);
    expect(await emailRows(db)).toEqual([expect.objectContaining({ status: "FAILED", last_error: "EMPTIED" })]);
  });
});

describe("a mail that was given up and is queued again", () => {
  test("brings a new link, which works, and the old one is dead", async ({
    world,
    actions,
    service,
    db,
    smtp,
    mailing,
  }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner", { name: "Ada" });
    const { token } = await invite({ actions, deps: service.deps, db }, owner, NEW);
    await db.pool.query(
      "update internal.emails set status = 'QUEUED', attempts = 0, payload_cipher = null, next_attempt_at = now()",
    );

    await mailing.pass();

    const [mail] = smtp.mails;
    const renewed = tokenOf(mail?.link ?? "");
    expect(renewed).toMatch(/^inv_[\w-]{43}$/);
    expect(renewed).not.toBe(token);
    expect(mail?.email.text).toContain("Ada invites you");
    expect(await acme.invitations()).toEqual([
      expect.objectContaining({ status: "PENDING", sentCount: 2, deliveryStatus: "SENT" }),
    ]);
    const account = { name: "Grace", password: "correct horse battery" };
    expect(await actions.call(acceptInvitation, "anonymous", { token, ...account })).toBeRefused(
      "INVITATION_NOT_FOUND",
    );
    expect(await actions.succeed(acceptInvitation, "anonymous", { token: renewed, ...account })).toMatchObject({
      tenantId: acme.id,
    });
  });

  test("and refused once more keeps the link that it was given then", async ({
    world,
    actions,
    service,
    db,
    smtp,
    mailing,
  }) => {
    await invite({ actions, deps: service.deps, db }, await (await world.tenant()).user("owner"), NEW);
    await db.pool.query("update internal.emails set payload_cipher = null");
    smtp.answer({ refuse: 451 });
    await mailing.pass();
    smtp.answer("take");
    await fallDue(db);

    await mailing.pass();

    const [refused, taken] = smtp.mails;
    expect(taken?.link).toBe(refused?.link);
  });
});
