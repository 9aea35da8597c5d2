import { availableParallelism } from "node:os";
import { extname } from "node:path";
import pLimit from "p-limit";
import type Tinypool from "tinypool";
import type { hash, verify } from "./password-worker.ts";

/** argon2id; m in KiB. Stored inside the hash text, so that they can rise. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** More than there are processors would only push each other out of their caches. */
const THREADS = Math.min(8, availableParallelism());
/** One works and one waits, so that no thread is idle until the event loop has handed out the next one. */
const PER_THREAD = 2;
const AT_A_TIME = THREADS * PER_THREAD;
const WAITING_MAX = 200;

/** More than 200 wait for their turn: answer RATE_LIMITED. */
export class PasswordQueueFullError extends Error {
  constructor() {
    super("too many passwords are being checked");
    this.name = "PasswordQueueFullError";
  }
}

/** How many wait is known here; each thread holds the 19 MB of one hash. */
const turns = pLimit(AT_A_TIME);

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (turns.activeCount + turns.pendingCount >= AT_A_TIME + WAITING_MAX) throw new PasswordQueueFullError();
  return turns(work);
}

/** Threads of a lower priority than the event loop's, which is never late by a hash. Loaded and started when they are needed. */
let threads: Promise<Tinypool> | undefined;

async function startThreads(): Promise<Tinypool> {
  const { default: Pool } = await import("tinypool");
  return new Pool({
    filename: new URL(`./password-worker${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: THREADS,
    concurrentTasksPerWorker: PER_THREAD,
    idleTimeout: 60_000,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
}

async function inThread<F extends typeof hash | typeof verify>(
  name: string,
  task: Parameters<F>[0],
): Promise<ReturnType<F>> {
  threads ??= startThreads();
  return (await threads).run(task, { name });
}

/** PHC text with parameters and salt. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => inThread<typeof hash>("hash", { password, options: PARAMETERS }));
}

/** False for a wrong password; throws for a text that is no hash. */
export function verifyPassword(stored: string, password: string): Promise<boolean> {
  return inTurn(() => inThread<typeof verify>("verify", { stored, password }));
}

/** Whether a stored hash was made with weaker parameters than today's. */
export function passwordNeedsRehash(stored: string): boolean {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(stored);
  if (match === null) return true;
  return Number(match[1]) < PARAMETERS.memoryCost || Number(match[2]) < PARAMETERS.timeCost;
}
