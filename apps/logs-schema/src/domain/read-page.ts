import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { type LogDocument, readLines, STORE_TIMEOUT_MS, type Subject } from "../store/execution-logs.ts";
import type { Access } from "./access.ts";
import { type PageRequest, printCursor } from "./page-request.ts";

export type LogPage = {
  lines: readonly LogDocument[];
  startCursor: string | undefined;
  endCursor: string | undefined;
  hasMore: boolean;
  error: "LOGS_UNAVAILABLE" | undefined;
};

const REREAD_MS = 500;
const UNAVAILABLE: LogPage = {
  lines: [],
  startCursor: undefined,
  endCursor: undefined,
  hasMore: false,
  error: "LOGS_UNAVAILABLE",
};

/**
 * One page of a run's or a step's lines. What is not the tenant's reads as empty. A store that is away, or answers later
 * than 1.5 s, is told as data, because Hasura fails a whole request over one remote error.
 * Throws `FORBIDDEN` for a caller who is not (any more) what his token says.
 */
export async function readPage(
  deps: Pick<Deps, "logs" | "breaker" | "log">,
  access: Access,
  tenantId: string,
  subject: Subject,
  request: PageRequest,
): Promise<LogPage> {
  const deadline = performance.now() + request.waitMs;
  for (;;) {
    const page = await readOnce(deps, access, tenantId, subject, request);
    if (page.lines.length > 0 || page.error !== undefined || performance.now() >= deadline) return page;
    await delay(Math.min(REREAD_MS, Math.max(1, deadline - performance.now())));
  }
}

async function readOnce(
  deps: Pick<Deps, "logs" | "breaker" | "log">,
  access: Access,
  tenantId: string,
  subject: Subject,
  request: PageRequest,
): Promise<LogPage> {
  if (deps.breaker.isOpen()) return { ...UNAVAILABLE, endCursor: request.afterText };
  try {
    const [allowed, { lines, hasMore }] = await inTime(
      Promise.all([access.owns(subject), readLines(deps.logs, tenantId, subject, request)]),
    );
    deps.breaker.succeeded();
    return allowed ? pageOf(lines, hasMore, request) : pageOf([], false, request);
  } catch (error) {
    if (error instanceof AppError) throw error;
    deps.breaker.failed();
    deps.log.warn({ err: error }, "log page unavailable");
    return { ...UNAVAILABLE, endCursor: request.afterText };
  }
}

function pageOf(lines: readonly LogDocument[], hasMore: boolean, request: PageRequest): LogPage {
  const [first, last] = [lines[0], lines.at(-1)];
  return {
    lines,
    startCursor: first === undefined ? undefined : printCursor(first),
    endCursor: last === undefined ? request.afterText : printCursor(last),
    hasMore,
    error: undefined,
  };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(STORE_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${STORE_TIMEOUT_MS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
    work.catch(() => {});
  }
}
