import { randomUUID } from "node:crypto";
import { startListening } from "@control-plane/db";
import type { TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { startSendMailLoop } from "../src/loops/send-mail.ts";
import { invite } from "./invitation-mail.ts";
import { mailDeps, test } from "./mailing.ts";
import { EVENT_SECRET, post } from "./service.ts";

const NEVER = 3_600_000;
const PATH = "/events/invitation-created";

/** As Hasura v2.48 sends it. */
function delivery(id: string) {
  return {
    id: randomUUID(),
    created_at: "2026-01-01T00:00:00.000000",
    delivery_info: { current_retry: 0, max_retries: 3 },
    event: {
      op: "INSERT",
      data: { old: null, new: { id } },
      session_variables: null,
      trace_context: { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736", span_id: "00f067aa0ba902b7" },
    },
    table: { schema: "public", name: "invitations" },
    trigger: { name: "invitation_created" },
  };
}

async function listeners({ pool }: TestDatabase): Promise<number | null> {
  const { rowCount } = await pool.query(
    "select 1 from pg_stat_activity where datname = current_database() and query ilike 'listen%' and state = 'idle'",
  );
  return rowCount;
}

test("a mail that is queued is sent at once, by the database's notice", async ({
  world,
  actions,
  service,
  db,
  smtp,
}) => {
  const owner = await (await world.tenant()).user("owner");
  const { mailSignal } = service.deps;
  const loop = startSendMailLoop({ ...mailDeps(service.deps, smtp.url), mailSignal }, NEVER);
  const listening = startListening({
    databaseUrl: db.urlAs("cp_auth"),
    applicationName: "auth-actions",
    channel: "emails_queued",
    onNotify: mailSignal.wake,
    log: service.deps.log,
  });
  try {
    await expect.poll(() => listeners(db)).toBe(1);

    await invite({ actions, deps: service.deps, db }, owner, "grace@example.com");

    await expect.poll(() => smtp.mails.length).toBe(1);
  } finally {
    await listening.stop();
    await loop.stop();
  }
});

test("without any notice it is sent at the next interval", async ({ world, actions, service, db, smtp }) => {
  const owner = await (await world.tenant()).user("owner");
  const { mailSignal } = service.deps;
  const loop = startSendMailLoop({ ...mailDeps(service.deps, smtp.url), mailSignal }, 50);
  try {
    await invite({ actions, deps: service.deps, db }, owner, "grace@example.com");

    await expect.poll(() => smtp.mails.length).toBe(1);
  } finally {
    await loop.stop();
  }
});

test("stopped while a server hangs, it ends, and the mail is due again later", async ({
  world,
  actions,
  service,
  db,
  smtp,
}) => {
  const owner = await (await world.tenant()).user("owner");
  await invite({ actions, deps: service.deps, db }, owner, "grace@example.com");
  const { mailSignal } = service.deps;
  const loop = startSendMailLoop({ ...mailDeps(service.deps, smtp.url), mailSignal }, NEVER);
  smtp.answer("hang");
  mailSignal.wake();
  await expect.poll(() => smtp.mails.length).toBe(1);

  await loop.stop();

  const { rows } = await db.pool.query(
    "select status, attempts, last_error, payload_cipher is not null as whole, next_attempt_at > now() as later from internal.emails",
  );
  expect(rows).toEqual([{ status: "QUEUED", attempts: 1, last_error: null, whole: true, later: true }]);
});

describe("Hasura's event invitation_created", () => {
  test("wakes the loop, each time it is delivered", async ({ world, actions, service, db }) => {
    const owner = await (await world.tenant()).user("owner");
    const { invitationId } = await invite({ actions, deps: service.deps, db }, owner, "grace@example.com");
    let wakes = 0;
    service.deps.mailSignal.subscribe(() => {
      wakes += 1;
    });
    const headers = { "x-event-secret": EVENT_SECRET };
    const body = delivery(invitationId);

    const replies = [await post(service, PATH, body, headers), await post(service, PATH, body, headers)];

    expect(replies.map(({ status, body: answer }) => [status, answer])).toEqual([
      [200, { ok: true }],
      [200, { ok: true }],
    ]);
    expect(wakes).toBe(2);
  });

  test.for([
    ["no secret", {}, 401],
    ["the secret of actions", { "x-event-secret": "the-secret-of-hasura-actions" }, 401],
  ] as const)("is refused with %s", async ([, headers, status], { service }) => {
    expect(await post(service, PATH, delivery(randomUUID()), headers)).toMatchObject({ status });
  });

  test("is refused without a row", async ({ service }) => {
    const headers = { "x-event-secret": EVENT_SECRET };

    const reply = await post(service, PATH, { id: "1", event: { op: "INSERT", data: {} } }, headers);

    expect([reply.status, reply.code]).toEqual([400, "BAD_INPUT"]);
  });
});
