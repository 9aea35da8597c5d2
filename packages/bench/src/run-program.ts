import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { z } from "zod";

/** Runs a script to its end as production would, with this environment alone. Gives the JSON that it printed. */
export async function runProgram<T>(
  script: string,
  env: Readonly<Record<string, string>>,
  printed: z.ZodType<T>,
  nodeOptions: readonly string[] = [],
): Promise<T> {
  const child = spawn(process.execPath, [...nodeOptions, script], {
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return printed.parse(JSON.parse(await text(child.stdout)));
}
