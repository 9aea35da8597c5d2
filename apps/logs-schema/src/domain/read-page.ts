import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { type FoundLines, type LogDocument, parseLines, readLines, type Subject } from "../store/execution-logs.ts";
import type { Access } from "./access.ts";
import type { Breaker } from "./breaker.ts";
import { type PageRequest, printCursor } from "./page-request.ts";

export type LogPage = {
  lines: readonly LogDocument[];
  startCursor: string | undefined;
  endCursor: string | undefined;
  hasMore: boolean;
  error: "LOGS_UNAVAILABLE" | undefined;
};

const REREAD_MS = 500;
const NO_LINES: FoundLines = { documents: [], hasMore: false };

/** What one GraphQL request reads with. `closing` ends every wait, since the process is about to end. */
export type Reading = Pick<Deps, "logs" | "log"> & { breaker: Breaker; closing: AbortSignal };

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
    if (page.lines.length > 0 || page.error !== undefined || remainingMs <= 0) return page;
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
    ? { ...pageOf([], false, request), error: "LOGS_UNAVAILABLE" }
    : pageOf(parseLines(found.documents), found.hasMore, request);
}

/** Asks both stores at once; undefined when one is away or late. */
async function ask(
  { logs, log, breaker }: Reading,
  access: Access,
  tenantId: string,
  subject: Subject | undefined,
  request: PageRequest,
): Promise<FoundLines | undefined> {
  if (breaker.isOpen()) return undefined;
  try {
    const [isOwn, found] = await inTime(
      logs.waitMsMax,
      Promise.all([
        access.owns(subject),
        subject === undefined ? NO_LINES : readLines(logs, tenantId, subject, request),
      ]),
    );
    breaker.succeeded();
    return isOwn ? found : NO_LINES;
  } catch (error) {
    if (error instanceof AppError) throw error;
    breaker.failed();
    log.warn({ err: error }, "log page unavailable");
    return undefined;
  }
}

function pageOf(lines: readonly LogDocument[], hasMore: boolean, request: PageRequest): LogPage {
  const [first, last] = [lines[0], lines.at(-1)];
  const after = request.direction === "forward" ? request.cursor : undefined;
  const end = last ?? after;
  return {
    lines,
    startCursor: first === undefined ? undefined : printCursor(first),
    // An empty page repeats `after`, so that a client can go on asking with it.
    endCursor: end === undefined ? undefined : printCursor(end),
    hasMore,
    error: undefined,
  };
}

async function inTime<T>(waitMs: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(waitMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${waitMs} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
    work.catch(() => {});
  }
}
