import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Start } from "../bars/start-bar.ts";

const rootDir = join(import.meta.dirname, "../../../..");
const READY = /^control plane: ready in /;

/**
 * `npm run stack` of this clone from its start until it says that it is ready: `npm start` is the same and then
 * plays the demo. It has stores of its own, and what it keeps in `.local/stack` is left as any start leaves it.
 */
export async function measureStack(): Promise<Start> {
  const { DATABASE_URL, REDIS_URL, MONGODB_URL, HASURA_URL, STORES, ...env } = process.env;
  const startedAt = performance.now();
  const npm = spawn("npm", ["run", "--silent", "stack"], { cwd: rootDir, env, stdio: ["ignore", "pipe", "inherit"] });
  // Whoever writes to it lives on when npm is gone, so this is the end of them all.
  const ended = once(npm, "close");
  const said: string[] = [];
  let seconds: number | undefined;
  for await (const line of createInterface(npm.stdout)) {
    said.push(line);
    if (!READY.test(line) || seconds !== undefined) continue;
    seconds = (performance.now() - startedAt) / 1000;
    npm.kill("SIGTERM");
  }
  await ended;
  if (seconds === undefined) throw new Error(`npm run stack did not become ready:\n${said.join("\n")}`);
  return { seconds };
}
