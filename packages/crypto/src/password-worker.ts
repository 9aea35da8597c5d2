// Runs in worker threads of `password.ts`.
import { setPriority } from "node:os";
import { hashSync, type Options, verifySync } from "@node-rs/argon2";

/** A third of the weight of a thread of ordinary priority. */
const NICENESS = 5;

// Linux keeps a priority for each thread, other systems one for the process, which has to stay as it is.
if (process.platform === "linux") setPriority(NICENESS);

export function hash({ password, options }: { password: string; options: Options }): string {
  return hashSync(password, options);
}

export function verify({ stored, password }: { stored: string; password: string }): boolean {
  return verifySync(stored, password);
}
