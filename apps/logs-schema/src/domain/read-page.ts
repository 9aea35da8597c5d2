import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@control-plane/service-kit/errors";
import { MongoServerError } from "mongodb";
import type { Deps } from "../deps.ts";
import { type FoundLines, type LogDocument, parseLines, readLines, type Subject } from "../store/execution-logs.ts";
import type { Access } from "./access.ts";
import type { Breaker } from "./breaker.ts";
import { type Cursor, type PageRequest, printCursor } from "./page-request.ts";
import type { RequestBudget } from "./request-budget.ts";
import type { Turns } from "./turns.ts";

export type LogPage = {
  lines: readonly LogDocument[];
  startCursor: string | undefined;
  endCursor: string | undefined;
  hasMore: boolean;
  error: "LOGS_UNAVAILABLE" | undefined;
};

const REREAD_MS = 500;
const NO_LINES: FoundLines = { documents: [], hasMore: false, readTo: undefined };
/** What MongoDB answers to a query that took longer than it was given: `MaxTimeMSExpired`. */
const QUERY_TOO_SLOW = 50;

/** What one GraphQL request reads with. `closing` ends every wait, since the process is about to end. */
export type Reading = Pick<Deps, "logs" | "log"> & {
  breaker: Breaker;
  budget: RequestBudget;
  turns: Turns;
  /** Rejects when a store is away; one that hangs is not told from one that is slow. */
  askStores: () => Promise<unknown>;
  closing: AbortSignal;
};

/**
 * One page of a run's or a step's lines. What is not the tenant's reads as empty, and so does an id that is no uuid
 * (undefined). A store that is away, or answers later than `LOGS_WAIT_MS_MAX`, is told as data, because Hasura fails a
 * whole request over one remote error.
 * Throws `FORBIDDEN` for a caller who is not (any more) what his token says, also while a page is waited for.
 */
export async function readPage(
  reading: Reading,
  access: Access,
  tenantId: string,
  subject: Subject | undefined,
  request: PageRequest,
): Promise<LogPage> {
  const deadline = performance.now() + request.waitMs;
  for (;;) {
    const page = await readOnce(reading, access, tenantId, subject, request);
    const remainingMs = deadline - performance.now();
    if (page.lines.length > 0 || page.hasMore || page.error !== undefined || remainingMs <= 0) return page;
    // Rejects at once when the process is ending; the page read last is the answer then.
    await delay(Math.min(REREAD_MS, remainingMs), undefined, { signal: reading.closing }).catch(() => {});
    if (reading.closing.aborted) return page;
  }
}

async function readOnce(
  reading: Reading,
  access: Access,
  tenantId: string,
  subject: Subject | undefined,
  request: PageRequest,
): Promise<LogPage> {
  const found = await ask(reading, access, tenantId, subject, request);
  return found === undefined
    ? { ...pageOf([], NO_LINES, request), error: "LOGS_UNAVAILABLE" }
    : pageOf(parseLines(found.documents), found, request);
}

/** Asks both stores at once; undefined when one is away, or late. */
async function ask(
  reading: Reading,
  access: Access,
  tenantId: string,
  subject: Subject | undefined,
  request: PageRequest,
): Promise<FoundLines | undefined> {
  const { logs, log, breaker, budget, turns } = reading;
  if (breaker.isOpen()) return undefined;
  const late = new AbortController();
  try {
    const [isOwn, found] = await inTime(
      logs.waitMsMax,
      Promise.all([
        access.owns(subject),
        subject === undefined
          ? NO_LINES
          : turns.take(tenantId, late.signal, () => readLines(logs, tenantId, subject, request, budget)),
      ]),
    );
    breaker.succeeded();
    return isOwn ? found : NO_LINES;
  } catch (error) {
    late.abort();
    if (error instanceof AppError) throw error;
    if (!(await isSlow(error, reading))) breaker.failed();
    log.warn({ err: error }, "log page unavailable");
    return undefined;
  }
}

/** A query that takes long is its tenant's own affair, as long as the stores answer others. */
async function isSlow(error: unknown, { logs, askStores }: Reading): Promise<boolean> {
  if (error instanceof MongoServerError && error.code === QUERY_TOO_SLOW) return true;
  if (!(error instanceof LateError)) return false;
  return inTime(logs.waitMsMax / 4, askStores()).then(
    () => true,
    () => false,
  );
}

class LateError extends Error {}

function pageOf(
  lines: readonly LogDocument[],
  { hasMore, readTo }: Pick<FoundLines, "hasMore" | "readTo">,
  request: PageRequest,
): LogPage {
  const isForward = request.direction === "forward";
  const [first, last] = [lines[0], lines.at(-1)];
  // A page that ends early says how far it looked. An empty one repeats `after`, so that a client can go on asking with it.
  const start = isForward ? first : (readTo ?? first);
  const end = isForward ? (readTo ?? last ?? request.cursor) : last;
  return { lines, startCursor: printed(start), endCursor: printed(end), hasMore, error: undefined };
}

function printed(place: Cursor | undefined): string | undefined {
  return place === undefined ? undefined : printCursor(place);
}

async function inTime<T>(waitMs: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(waitMs, undefined, { signal: timer.signal }).then(() => {
    throw new LateError(`no answer within ${waitMs} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
    work.catch(() => {});
  }
}
