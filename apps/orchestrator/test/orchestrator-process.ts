import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { processEnvironment, sessionVariables, type TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { z } from "zod";
import { test as base } from "./acme.ts";
import { ACTION_SECRET, environment } from "./service.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");

const replySchema = z.object({
  extensions: z.object({ code: z.string() }).optional(),
  matched: z.int().optional(),
  remaining: z.int().optional(),
});

/** The service as a process that can be killed, loops and all, on the same port each time. */
export const test = base.extend("mortal", async ({ db, redis }, { onCleanup }) => {
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
  const stores = { databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix };
  return {
    kill,
    async start(settings: Record<string, string> = {}): Promise<void> {
      child = spawn(process.execPath, ["--conditions=@control-plane/source", MAIN], {
        env: { ...processEnvironment, ...environment(stores), PORT: String(port), ...settings },
        stdio: "ignore",
      });
      const ready = () =>
        fetch(`${url}/ready`).then(
          ({ status }) => status,
          () => 0,
        );
      await expect.poll(ready, { timeout: 120_000 }).toBe(200);
    },
    /** As Hasura calls an action; undefined when no answer came. */
    async call(action: { name: string }, caller: TestUser, input: unknown) {
      try {
        const reply = await fetch(`${url}/actions/${action.name}`, {
          method: "POST",
          headers: { "content-type": "application/json", "x-action-secret": ACTION_SECRET },
          body: JSON.stringify({
            action: { name: action.name },
            input,
            session_variables: sessionVariables(caller),
          }),
        });
        return replySchema.parse(await reply.json());
      } catch {
        return undefined;
      }
    },
  };
});
