import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { processEnvironment } from "@control-plane/testkit";
import { expect } from "vitest";
import { invite } from "./invitation-mail.ts";
import { test } from "./mailing.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");

test("killed while the server takes a mail, the service sends it again: the same mail with the same link", async ({
  world,
  actions,
  service,
  db,
  keys,
  smtp,
  onTestFinished,
}) => {
  const owner = await (await world.tenant()).user("owner");
  const { token } = await invite({ actions, deps: service.deps, db }, owner, "grace@example.com");
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, ["--conditions=@control-plane/source", MAIN], {
      env: {
        ...processEnvironment,
        PORT: "0",
        LOG_LEVEL: "silent",
        DATABASE_URL: db.urlAs("cp_auth"),
        DATABASE_WAIT_MS_MAX: "20000",
        KEYRING: keys.keyring,
        HASURA_ACTION_SECRET: "a-secret-for-hasura-actions",
        HASURA_EVENT_SECRET: "a-secret-for-hasura-events",
        JWT_ISSUER: "https://auth.test.example",
        APP_URL: "https://app.example",
        MAIL_FROM: "no-reply@control.example",
        SMTP_URL: smtp.url,
      },
      stdio: "ignore",
    });
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    return child;
  };
  const emails = async () =>
    (await db.pool.query("select status, attempts, payload_cipher is null as emptied from internal.emails")).rows;
  smtp.answer("hang");
  const first = start();
  await expect.poll(() => smtp.mails.length).toBe(1);

  first.kill("SIGKILL");
  await once(first, "exit");
  expect(await emails()).toEqual([{ status: "QUEUED", attempts: 1, emptied: false }]);
  smtp.answer("take");
  await db.pool.query("update internal.emails set next_attempt_at = now()");
  const second = start();

  await expect.poll(emails).toEqual([{ status: "SENT", attempts: 2, emptied: true }]);
  const [lost, taken] = smtp.mails;
  expect(taken?.link).toBe(`https://app.example/invitations/accept#token=${token}`);
  expect([taken?.link, taken?.email.messageId]).toEqual([lost?.link, lost?.email.messageId]);
  second.kill("SIGTERM");
  expect(await once(second, "exit")).toEqual([0, null]);
});
