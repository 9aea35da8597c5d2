import { emails, inTransaction } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { login } from "../src/actions/login.ts";
import { refreshSession } from "../src/actions/refresh-session.ts";
import { requestPasswordReset } from "../src/actions/request-password-reset.ts";
import { resetPassword } from "../src/actions/reset-password.ts";
import type { Deps } from "../src/deps.ts";
import { openEmail } from "../src/domain/emails.ts";
import { post, test } from "./service.ts";
import { signIn } from "./sign-in.ts";

const NEW = "another long enough password";

/** The tokens in the mails that are queued for an address, oldest first. */
async function mailedTokens({ db, envelope }: Deps, recipient: string): Promise<string[]> {
  const rows = await inTransaction(db, { source: "auth-actions" }, (tx) =>
    tx.select().from(emails).where(eq(emails.recipient, recipient)).orderBy(emails.id),
  );
  const opened = await Promise.all(
    rows.map(({ id, tenantId, payloadCipher }) =>
      openEmail(envelope, { id, tenantId, payloadCipher: payloadCipher ?? Buffer.alloc(0) }),
    ),
  );
  return opened.map(({ token }) => token);
}

describe("requestPasswordReset", () => {
  test("mails a token of one hour to a known user, and answers the same for an unknown one", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const ask = (email: string) =>
      post(service, "/auth/password/request-reset", { email }, { "x-request-id": "same-for-both" });

    const [known, unknown] = [await ask(user.email.toUpperCase()), await ask("nobody@example.com")];

    expect([known.status, known.text]).toEqual([200, '{"ok":true}']);
    expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
    const { rows } = await db.pool.query(
      `select r.user_id, round(extract(epoch from r.expires_at - now()) / 60)::int as minutes, e.recipient, e.kind, e.tenant_id
         from internal.password_resets r cross join internal.emails e`,
    );
    expect(rows).toEqual([
      { user_id: user.id, minutes: 60, recipient: user.email, kind: "PASSWORD_RESET", tenant_id: null },
    ]);
    expect(await mailedTokens(service.deps, user.email)).toEqual([expect.stringMatching(/^pwr_[\w-]{43}$/)]);
    expect((await acme.audit()).map(({ action }) => action)).toContain("password.reset_requested");
    expect(JSON.stringify(await actions.call(requestPasswordReset, "anonymous", { email: "x" }))).toContain(
      "BAD_INPUT",
    );
  });

  test("asked for again, the older token dies", async ({ world, actions, service }) => {
    const user = await (await world.tenant()).user("builder");
    for (let times = 0; times < 2; times += 1)
      await actions.succeed(requestPasswordReset, "anonymous", { email: user.email });
    const [older = "", newer = ""] = await mailedTokens(service.deps, user.email);

    const first = await actions.call(resetPassword, "anonymous", { token: older, newPassword: NEW });
    const second = await actions.call(resetPassword, "anonymous", { token: newer, newPassword: NEW });

    expect(first).toBeRefused("RESET_TOKEN_INVALID");
    expect(second.outcome).toBe("done");
  });

  test("three times an hour for one e-mail, known or not", async ({ world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    const outcomes = [];
    for (const email of [user.email, "nobody@example.com"])
      for (let tries = 0; tries < 4; tries += 1) {
        const reply = await actions.call(requestPasswordReset, "anonymous", { email });
        outcomes.push(reply.outcome === "refused" ? reply.code : "done");
      }

    const expected = ["done", "done", "done", "RATE_LIMITED"];
    expect(outcomes).toEqual([...expected, ...expected]);
  });
});

describe("resetPassword", () => {
  test("sets the password once, ends all sessions and revokes all keys", async ({ db, world, actions, service }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { refreshToken } = await signIn(actions, user);
    await db.pool.query(
      `insert into internal.access_keys (tenant_id, user_id, name, prefix, key_hash, expires_at)
       values ($1, $2, 'ci', 'ak_abcde', sha256('x'), now() + interval '1 day')`,
      [acme.id, user.id],
    );
    await actions.succeed(requestPasswordReset, "anonymous", { email: user.email });
    const [token = ""] = await mailedTokens(service.deps, user.email);

    const replies = await Promise.all(
      Array.from({ length: 4 }, () => actions.call(resetPassword, "anonymous", { token, newPassword: NEW })),
    );

    expect(replies.map((reply) => (reply.outcome === "refused" ? reply.code : "done")).sort()).toEqual([
      "RESET_TOKEN_INVALID",
      "RESET_TOKEN_INVALID",
      "RESET_TOKEN_INVALID",
      "done",
    ]);
    expect(await actions.call(refreshSession, "anonymous", { refreshToken })).toBeRefused("SESSION_EXPIRED");
    expect(await actions.call(login, "anonymous", { email: user.email, password: user.password })).toBeRefused(
      "INVALID_CREDENTIALS",
    );
    await signIn(actions, user, { password: NEW });
    const actionsOnTrail = (await acme.audit()).map(({ action }) => action);
    expect(actionsOnTrail).toEqual(expect.arrayContaining(["password.reset", "session.ended", "access_key.revoked"]));
    expect((await db.pool.query("select 1 from internal.access_keys where revoked_at is null")).rowCount).toBe(0);
  });

  test("a password that is refused leaves the token open; an expired token is invalid", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const user = await (await world.tenant()).user("builder");
    await actions.succeed(requestPasswordReset, "anonymous", { email: user.email });
    const [token = ""] = await mailedTokens(service.deps, user.email);
    const reset = (newPassword: string) => actions.call(resetPassword, "anonymous", { token, newPassword });

    const rejected = await reset("short");
    await db.pool.query("update internal.password_resets set expires_at = now() - interval '1 second'");
    const expired = await reset(NEW);
    await db.pool.query("update internal.password_resets set expires_at = now() + interval '1 minute'");
    const done = await reset(NEW);

    expect(rejected).toBeRefused("PASSWORD_REJECTED");
    expect(expired).toBeRefused("RESET_TOKEN_INVALID");
    expect(done.outcome).toBe("done");
  });

  test.for([
    ["no token", { newPassword: NEW }, "BAD_INPUT"],
    ["an unknown token", { token: "pwr_unknown", newPassword: NEW }, "RESET_TOKEN_INVALID"],
    ["a user's id beside it", { token: "pwr_unknown", newPassword: NEW, userId: "x" }, "BAD_INPUT"],
  ] as const)("refuses %s, through Hasura and over HTTP", async ([, input, code], { actions, service }) => {
    expect(await actions.call(resetPassword, "anonymous", input)).toBeRefused(code);
    expect((await post(service, "/auth/password/reset", input)).code).toBe(code);
  });
});
