import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { supervise } from "@control-plane/local-stores";

export type Child = { readonly url: string; readonly processId: number; stop(): Promise<void> };

const READY_WITHIN_MS = 120_000;

export const workDir = join(import.meta.dirname, "../../../.local/bench");

/** Starts one side as a process of its own and waits until `readyPath` answers. Throws with what it wrote. */
export async function startChild(options: {
  name: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  port: number;
  readyPath: string;
}): Promise<Child> {
  const logFile = join(workDir, `${options.name}.log`);
  const server = await supervise({
    command: process.execPath,
    args: options.args,
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", PORT: String(options.port), ...options.env },
    cwd: workDir,
    logFile,
    stopSignal: "TERM",
    graceSeconds: 10,
  });
  const url = `http://127.0.0.1:${options.port}`;
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await answers(url + options.readyPath))) {
    if (server.hasExited() || Date.now() > deadline) {
      await server.stop();
      throw new Error(`${options.name} did not become ready:\n${await readFile(logFile, "utf8")}`);
    }
    await delay(50);
  }
  return { url, processId: server.processId, stop: () => server.stop() };
}

async function answers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await reply.body?.cancel();
    return reply.status < 500;
  } catch {
    return false;
  }
}

/** Peers are development dependencies, which may have been left out. */
export function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Node's arguments that run a service as production would. Throws where it has not been built. */
export function builtProgram(path: string): readonly string[] {
  const built = join(import.meta.dirname, "../../..", path);
  if (!existsSync(built)) throw new Error(`${built} is not there; npm run bench builds it first`);
  return [built];
}
