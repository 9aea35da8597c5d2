import { spawn } from "node:child_process";
import { constants } from "node:os";
import { startTemporaryStores } from "./temporary.ts";

/** `with-stores -- <command>`: runs the command with DATABASE_URL, REDIS_URL and MONGODB_URL of stores that live as long as it does; its exit code is the command's. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const [command, ...rest] = args[0] === "--" ? args.slice(1) : args;
  if (command === undefined) {
    console.error("usage: with-stores -- <command> [arguments]");
    return 2;
  }
  // Until the command runs a signal simply ends this process; the stores notice and end too.
  const stores = await startTemporaryStores((line) => console.log(line));
  for (const { message } of stores.missing) console.warn(`not on this machine: ${message}`);
  for (const [name, store] of Object.entries(stores.running)) console.log(`${name}: ${store.source}`);
  try {
    return await runCommand(command, rest, { ...process.env, ...stores.env });
  } finally {
    await stores.stop();
  }
}

async function runCommand(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env });
  // A terminal's Ctrl-C reaches the command without us; either way its end is ours.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  try {
    const [code, signal]: [number | null, NodeJS.Signals | null] = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (...result) => resolve(result));
    });
    return code ?? 128 + (signal === null ? 1 : constants.signals[signal]);
  } catch (error) {
    console.error(`cannot run ${command}: ${error instanceof Error ? error.message : error}`);
    return 127;
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
