import { spawn } from "node:child_process";
import { join } from "node:path";
import { processEnvironment } from "@control-plane/testkit";

const main = join(import.meta.dirname, "../src/cli/keys.ts");

export type KeysRun = { code: number | null; output: string };

/** The command as `npm run keys` runs it, in a process of its own. */
export function startKeys(env: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", main, ...args], {
    env: { ...processEnvironment, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  const output = (): string => chunks.join("");
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void chunks.push(chunk.toString()));
  const ended = new Promise<KeysRun>((resolve) => child.on("close", (code) => resolve({ code, output: output() })));
  return { ended, kill: () => child.kill("SIGKILL") };
}
