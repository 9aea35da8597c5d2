import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePort } from "@control-plane/local-stores";
import { processEnvironment } from "@control-plane/testkit";
import { expect } from "vitest";
import { z } from "zod";
import { test as base, environment } from "./service.ts";
import { signIn } from "./sign-in.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const refreshedSchema = z.object({ refreshToken: z.string() });

/** The service as a process that can be killed, on the same port each time. */
const test = base.extend("mortal", async ({ db, keys }, { onCleanup }) => {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    const dying = child;
    child = undefined;
    if (dying === undefined) return;
    dying.kill("SIGKILL");
    if (dying.exitCode === null && dying.signalCode === null) await once(dying, "exit");
  };
  onCleanup(kill);
  return {
    kill,
    async start(): Promise<void> {
      child = spawn(process.execPath, ["--conditions=@control-plane/source", MAIN], {
        env: { ...processEnvironment, ...environment(db, keys), PORT: String(port) },
        stdio: "ignore",
      });
      const ready = () =>
        fetch(`${url}/ready`).then(
          ({ status }) => status,
          () => 0,
        );
      await expect.poll(ready, { timeout: 60_000 }).toBe(200);
    },
    /** The new token, or undefined when no answer came. */
    async refresh(refreshToken: string): Promise<string | undefined> {
      try {
        const reply = await fetch(`${url}/auth/refresh`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ refreshToken }),
        });
        return refreshedSchema.safeParse(await reply.json()).data?.refreshToken;
      } catch {
        return undefined;
      }
    },
  };
});

test("a process that is killed at any point of a refresh loses no session: the client asks again with what it has", async ({
  db,
  world,
  actions,
  mortal,
}) => {
  const user = await (await world.tenant()).user("builder");
  let held = (await signIn(actions, user)).refreshToken;
  await mortal.start();

  const asked = [];
  for (const killedAfterMs of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const answer = mortal.refresh(held);
    await delay(killedAfterMs);
    await mortal.kill();
    held = (await answer) ?? held;
    await mortal.start();
    const again = await mortal.refresh(held);
    asked.push([killedAfterMs, again === undefined ? "signed out" : "signed in"]);
    held = again ?? held;
  }
  await mortal.kill();

  expect(asked).toEqual(asked.map(([killedAfterMs]) => [killedAfterMs, "signed in"]));
  const { rows } = await db.pool.query("select ended_at from internal.sessions");
  expect(rows).toEqual([{ ended_at: null }]);
}, 240_000);
