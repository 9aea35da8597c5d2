import { randomBytes, randomUUID } from "node:crypto";
import type { TestDatabase } from "@control-plane/testkit";
import { expect } from "vitest";
import { login } from "../src/actions/login.ts";
import { invite } from "./invitation-mail.ts";
import { EVENT_SECRET, post, type Service, test } from "./service.ts";

const PATH = "/crons/expire-invitations";

function tick(service: Service, headers: Record<string, string> = { "x-event-secret": EVENT_SECRET }) {
  const body = { id: randomUUID(), name: "expire_invitations", scheduled_time: "2026-01-01T00:37:00Z", payload: {} };
  return post(service, PATH, body, headers);
}

async function count({ pool }: TestDatabase, table: string): Promise<number | null> {
  return (await pool.query(`select 1 from internal.${table}`)).rowCount;
}

test("open invitations past their time expire, on the trail; all others stay as they are", async ({
  world,
  actions,
  service,
  db,
}) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");
  for (const name of ["open", "late", "revoked"])
    await invite({ actions, deps: service.deps, db }, owner, `${name}@example.com`);
  await db.pool.query("update invitations set status = 'REVOKED' where email like 'revoked%'");
  await db.pool.query("update invitations set expires_at = now() - interval '1 second' where email not like 'open%'");

  const reply = await tick(service);

  expect([reply.status, reply.body]).toEqual([200, { ok: true }]);
  expect((await acme.invitations()).map(({ email, status }) => [email, status])).toEqual([
    ["open@example.com", "PENDING"],
    ["late@example.com", "EXPIRED"],
    ["revoked@example.com", "REVOKED"],
  ]);
  const [row] = (await acme.audit()).slice(-1);
  expect(row).toMatchObject({
    action: "invitation.updated",
    actorType: "SYSTEM",
    source: "auth-actions",
    changes: { status: { old: "PENDING", new: "EXPIRED" } },
  });
});

test("what ended 30 days ago goes, what ended later or lives stays", async ({ world, actions, service, db }) => {
  const acme = await world.tenant();
  const user = await acme.user("owner");
  for (let times = 0; times < 4; times++)
    await actions.succeed(login, "anonymous", { email: user.email, password: user.password });
  const ids = (await db.pool.query<{ id: string }>("select id from internal.sessions order by id")).rows;
  const [ended, expired, lately] = ids.map(({ id }) => id);
  const [old, recent] = ["interval '31 days'", "interval '29 days'"];
  await db.pool.query(`update internal.sessions set ended_at = now() - ${old} where id = $1`, [ended]);
  await db.pool.query(`update internal.sessions set expires_at = now() - ${old} where id = $1`, [expired]);
  await db.pool.query(`update internal.sessions set ended_at = now() - ${recent} where id = $1`, [lately]);
  for (const column of ["used_at", "expires_at"])
    for (const ago of [old, recent])
      await db.pool
        .query(
          `insert into internal.password_resets (user_id, token_hash, expires_at) values ($1, $2, now() + interval '1 hour')`,
          [user.id, randomBytes(32)],
        )
        .then(() =>
          db.pool.query(
            `update internal.password_resets set ${column} = now() - ${ago} where id = (select id from internal.password_resets order by id desc limit 1)`,
          ),
        );
  for (const ago of [old, recent])
    for (const column of ["revoked_at", "expires_at"])
      await db.pool.query(
        `insert into internal.access_keys (tenant_id, user_id, name, prefix, key_hash, expires_at, revoked_at)
           values ($1, $2, 'ci', 'ak_12345', $3, now() + case when $4 = 'expires_at' then -${ago} else interval '1 day' end,
             case when $4 = 'revoked_at' then now() - ${ago} end)`,
        [acme.id, user.id, randomBytes(32), column],
      );

  await tick(service);

  expect(await count(db, "sessions")).toBe(2);
  expect(await count(db, "refresh_tokens")).toBe(2);
  expect(await count(db, "password_resets")).toBe(2);
  expect(await count(db, "access_keys")).toBe(2);
});

test("mails that were sent or given up 30 days ago go, those that wait stay however old", async ({ service, db }) => {
  // The time of the last change is a trigger's business, so the rows are made with it.
  for (const status of ["SENT", "FAILED", "QUEUED"])
    for (const days of [31, 29])
      await db.pool.query(
        `insert into internal.emails (kind, recipient, status, updated_at)
           values ('PASSWORD_RESET', 'ada@example.com', $1::email_status, now() - make_interval(days => $2))`,
        [status, days],
      );

  await tick(service);

  const { rows } = await db.pool.query("select status::text from internal.emails order by status");
  expect(rows.map(({ status }) => status).sort()).toEqual(["FAILED", "QUEUED", "QUEUED", "SENT"]);
});

test("a second time there is nothing left to do", async ({ world, actions, service, db }) => {
  const acme = await world.tenant();
  await invite({ actions, deps: service.deps, db }, await acme.user("owner"), "late@example.com");
  await db.pool.query("update invitations set expires_at = now()");
  await tick(service);
  const before = (await acme.audit()).length;

  const again = await tick(service);

  expect(again.status).toBe(200);
  expect(await acme.audit()).toHaveLength(before);
});

test("is refused without the secret of events", async ({ service }) => {
  const replies = [await tick(service, {}), await tick(service, { "x-action-secret": EVENT_SECRET })];

  expect(replies.map(({ status }) => status)).toEqual([401, 401]);
});
