import { describe, expect } from "vitest";
import { changePassword } from "../src/actions/change-password.ts";
import { login } from "../src/actions/login.ts";
import { refreshSession } from "../src/actions/refresh-session.ts";
import { test } from "./service.ts";
import { signIn } from "./sign-in.ts";

const NEW = "another long enough password";

describe("changePassword", () => {
  test("lets the new password in and the old one out, and ends every other session", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    const [kept, ended] = [await signIn(actions, user), await signIn(actions, user)];
    await db.pool.query(
      "insert into internal.password_resets (user_id, token_hash, expires_at) values ($1, sha256('x'), now() + interval '1 hour')",
      [user.id],
    );

    const reply = await actions.succeed(changePassword, user, {
      currentPassword: user.password,
      newPassword: NEW,
      refreshToken: kept.refreshToken,
    });

    expect(reply).toEqual({ ok: true });
    expect(await actions.call(login, "anonymous", { email: user.email, password: user.password })).toBeRefused(
      "INVALID_CREDENTIALS",
    );
    await signIn(actions, user, { password: NEW });
    await actions.succeed(refreshSession, "anonymous", { refreshToken: kept.refreshToken });
    expect(await actions.call(refreshSession, "anonymous", { refreshToken: ended.refreshToken })).toBeRefused(
      "SESSION_EXPIRED",
    );
    const { rows } = await db.pool.query(
      "select 1 from internal.password_resets where used_at is null union all select 1 from users where id = $1 and password_changed_at < now() - interval '1 minute'",
      [user.id],
    );
    expect(rows).toEqual([]);
    const trail = await acme.audit();
    expect(trail.map(({ action }) => action)).toContain("password.changed");
    expect(JSON.stringify(trail)).not.toContain(NEW);
  });

  test("without a refresh token, or with one of somebody else, ends all of them", async ({ world, actions }) => {
    const acme = await world.tenant();
    const [ann, bob] = [await acme.user("viewer"), await acme.user("viewer")];
    const [mine, theirs] = [await signIn(actions, ann), await signIn(actions, bob)];

    await actions.succeed(changePassword, ann, {
      currentPassword: ann.password,
      newPassword: NEW,
      refreshToken: theirs.refreshToken,
    });

    expect(await actions.call(refreshSession, "anonymous", { refreshToken: mine.refreshToken })).toBeRefused(
      "SESSION_EXPIRED",
    );
    await actions.succeed(refreshSession, "anonymous", { refreshToken: theirs.refreshToken });
  });

  test.for([
    ["a short one", "elevenchars", "PASSWORD_REJECTED"],
    ["one character twelve times", "aaaaaaaaaaaa", "PASSWORD_REJECTED"],
    ["half a surrogate pair", "twelve chars \ud800", "BAD_INPUT"],
  ] as const)(
    "refuses %s for the new password, and changes nothing",
    async ([, newPassword, code], { world, actions }) => {
      const user = await (await world.tenant()).user("viewer");

      const reply = await actions.call(changePassword, user, { currentPassword: user.password, newPassword });

      expect(reply).toBeRefused(code);
      await signIn(actions, user);
    },
  );

  test("a wrong current password is refused, six times in a minute differently", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    const guess = () => actions.call(changePassword, user, { currentPassword: "a wrong guess", newPassword: NEW });

    const codes = [];
    for (let tries = 0; tries < 6; tries += 1) {
      const reply = await guess();
      codes.push(reply.outcome === "refused" ? reply.code : "done");
    }

    expect(codes).toEqual([...Array(5).fill("INVALID_CREDENTIALS"), "RATE_LIMITED"]);
    await signIn(actions, user);
  });

  test("of two changes at once that know the same password only one happens", async ({ world, actions }) => {
    const user = await (await world.tenant()).user("viewer");
    const change = (newPassword: string) =>
      actions.call(changePassword, user, { currentPassword: user.password, newPassword });

    const replies = await Promise.all([change(`${NEW} 1`), change(`${NEW} 2`)]);

    expect(replies.map(({ outcome }) => outcome).sort()).toEqual(["done", "refused"]);
  });

  test("is nothing for whoever is not signed in", async ({ actions }) => {
    const input = { currentPassword: "x", newPassword: NEW };

    expect(await actions.call(changePassword, "anonymous", input)).toBeRefused("FORBIDDEN");
  });
});
