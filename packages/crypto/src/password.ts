import { availableParallelism } from "node:os";
import { hash, verify } from "@node-rs/argon2";
import pLimit from "p-limit";

/** argon2id; m in KiB. Stored inside the hash text, so that they can rise. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** More than there are processors make no hash sooner, and keep the event loop from its own turn. */
const AT_A_TIME = Math.min(8, availableParallelism());
const WAITING_MAX = 200;

/** More than 200 wait for their turn: answer RATE_LIMITED. */
export class PasswordQueueFullError extends Error {
  constructor() {
    super("too many passwords are being checked");
    this.name = "PasswordQueueFullError";
  }
}

/** Each hash takes 19 MB and a worker thread; this keeps both in bounds for the whole process. */
const turns = pLimit(AT_A_TIME);

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (turns.activeCount + turns.pendingCount >= AT_A_TIME + WAITING_MAX) throw new PasswordQueueFullError();
  return turns(work);
}

/** PHC text with parameters and salt. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(password, PARAMETERS));
}

/** False for a wrong password; throws for a text that is no hash. */
export function verifyPassword(stored: string, password: string): Promise<boolean> {
  return inTurn(() => verify(stored, password));
}

/** Whether a stored hash was made with weaker parameters than today's. */
export function passwordNeedsRehash(stored: string): boolean {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(stored);
  if (match === null) return true;
  return Number(match[1]) < PARAMETERS.memoryCost || Number(match[2]) < PARAMETERS.timeCost;
}
