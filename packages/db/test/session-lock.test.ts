import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { createDatabase, type Database, inLockedSession, type LockedSession } from "../src/index.ts";
import { useOwnDatabase } from "./own-database.ts";

const own = useOwnDatabase();

function open(): Database {
  const client = createDatabase({ url: own.url, poolMax: 1, applicationName: "session-lock", work: "command" });
  onTestFinished(() => client.close());
  return client.db;
}

const settingsOf = (session: LockedSession) =>
  session.inTransaction({ source: "cli" }, async (tx) => {
    const { rows } = await tx.execute(
      sql`select pg_backend_pid() as pid, current_setting('idle_session_timeout') as silence`,
    );
    return rows[0];
  });

test("a second one is not let in while the first is at work, and neither stays on the connection afterwards", async () => {
  const [first, second] = [open(), open()];

  const done = await inLockedSession(first, "one", async (session) => ({
    settings: [await settingsOf(session), await settingsOf(session)],
    sameName: await inLockedSession(second, "one", async () => "let in"),
    otherName: await inLockedSession(second, "other", async () => "let in"),
  }));
  const afterwards = await inLockedSession(second, "one", async () => "let in");

  expect(done).toMatchObject({ sameName: undefined, otherName: "let in", settings: [{ silence: "10s" }, {}] });
  expect(done?.settings[0]).toEqual(done?.settings[1]);
  expect(afterwards).toBe("let in");
  const { rows } = await first.execute(sql`select current_setting('idle_session_timeout') as silence`);
  expect(rows).toEqual([{ silence: "0" }]);
});

test("work that fails gives the lock back", async () => {
  const db = open();
  const failing = inLockedSession(db, "one", async () => {
    throw new Error("on purpose");
  });

  await expect(failing).rejects.toThrow("on purpose");
  expect(await inLockedSession(db, "one", async () => "let in")).toBe("let in");
});

test("a connection that is lost in the middle gives the lock back", async () => {
  const db = open();
  const failing = inLockedSession(db, "one", async (session) => {
    const settings = await settingsOf(session);
    await own.pool.query("select pg_terminate_backend($1)", [settings?.["pid"]]);
    await settingsOf(session);
  });

  await expect(failing).rejects.toThrow();
  await expect.poll(() => inLockedSession(db, "one", async () => "let in")).toBe("let in");
});
