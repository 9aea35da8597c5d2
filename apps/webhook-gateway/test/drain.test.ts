import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { processEnvironment } from "@control-plane/testkit";
import { expect } from "vitest";
import { ACTION_SECRET, type Hook, PUBLIC_URL, test as serviceTest, sign } from "./service.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");

/** The service as a process of its own. */
const test = serviceTest.extend("startProcess", async ({ keys }, { onCleanup }) => {
  const ends: (() => Promise<unknown>)[] = [];
  onCleanup(async () => {
    for (const end of ends) await end();
  });
  return async (databaseUrl: string) => {
    const port = await findFreePort();
    const child = spawn(process.execPath, ["--conditions=@control-plane/source", MAIN], {
      env: {
        ...processEnvironment,
        PORT: String(port),
        LOG_LEVEL: "silent",
        DATABASE_URL: databaseUrl,
        DATABASE_WAIT_MS_MAX: "20000",
        KEYRING: keys.keyring,
        HASURA_ACTION_SECRET: ACTION_SECRET,
        HOOKS_PUBLIC_URL: PUBLIC_URL,
        HOOK_RATE_PER_PATH: "0",
        HOOK_RATE_PER_ADDRESS: "0",
      },
      stdio: "ignore",
    });
    const exit = once(child, "exit");
    ends.push(async () => {
      child.kill("SIGKILL");
      await exit;
    });
    const url = `http://127.0.0.1:${port}`;
    await expect.poll(() => fetch(`${url}/ready`).then(({ status }) => status, String)).toBe(200);
    return { child, exit, port };
  };
});

type Heard = { status: number | undefined; saysGoodBye: boolean };

function post(port: number, hook: Hook, agent: Agent): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", ...sign(hook, "{}") };
    request({ host: "127.0.0.1", port, path: `/hooks/${hook.path}`, method: "POST", agent, headers }, (reply) => {
      reply.resume();
      const saysGoodBye = reply.headers.connection === "close";
      reply.once("end", () => resolve({ status: reply.statusCode, saysGoodBye }));
    })
      .once("error", reject)
      .end("{}");
  });
}

test("SIGTERM under load: every request on a kept-alive connection is answered, and each connection hears good-bye", async ({
  startProcess,
  db,
  world,
  addHook,
}) => {
  const hook = await addHook(await (await world.tenant()).workflow());
  const { child, exit, port } = await startProcess(db.urlAs("cp_gateway"));
  const statuses: unknown[] = [];
  // Each sends one after the other on one connection, until it is told to go elsewhere.
  const senderOf = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let heard: Heard | undefined; heard?.saysGoodBye !== true; ) {
      heard = await post(port, hook, agent);
      statuses.push(heard.status);
    }
    agent.destroy();
  };
  const sending = Promise.all(Array.from({ length: 16 }, senderOf));
  await expect.poll(() => statuses.length).toBeGreaterThan(50);

  child.kill("SIGTERM");
  await sending;

  expect(new Set(statuses)).toEqual(new Set([202]));
  expect(await exit).toEqual([0, null]);
  const { rowCount } = await db.pool.query("select 1 from workflow_runs");
  expect(rowCount).toBe(statuses.length);
});
