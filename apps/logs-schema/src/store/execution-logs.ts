import type { Collection, Document, Filter, Sort } from "mongodb";
import { z } from "zod";
import { type Cursor, LEVELS, type LogFilter, type PageRequest } from "../domain/page-request.ts";

/** A log line as data-model.md §8 stores it; unknown extra fields are tolerated. */
const logDocumentSchema = z.object({
  _id: z.unknown(),
  stepRunId: z.string().nullable(),
  attempt: z.number(),
  seq: z.number(),
  ts: z.date(),
  level: z.enum(LEVELS),
  message: z.string(),
  fields: z.unknown(),
  traceId: z.string().nullish(),
});
export type LogDocument = z.infer<typeof logDocumentSchema>;
export type LogCollection = Collection;

export type Subject = { kind: "run"; workflowRunId: string } | { kind: "step"; stepRunId: string };

/** Answers later than this count as no answer. */
export const STORE_TIMEOUT_MS = 1_500;

/**
 * Reads one line more than asked for, which tells whether there are more; always in rising order. A page is one or two
 * index range scans: the rest of the cursor's attempt, then the attempts behind it.
 */
export async function readLines(
  logs: LogCollection,
  tenantId: string,
  subject: Subject,
  request: PageRequest,
): Promise<{ lines: LogDocument[]; hasMore: boolean }> {
  const wanted = request.limit + 1;
  const base = { ...scope(tenantId, subject), ...conditions(request.filter) };
  const found: LogDocument[] = [];
  for (const range of ranges(subject, request)) {
    if (found.length >= wanted) break;
    found.push(...(await scan(logs, { ...base, ...range }, subject, request.direction, wanted - found.length)));
  }
  const lines = found.slice(0, request.limit);
  return { lines: request.direction === "forward" ? lines : lines.reverse(), hasMore: found.length > request.limit };
}

function scope(tenantId: string, subject: Subject): Filter<Document> {
  return subject.kind === "run"
    ? { tenantId, workflowRunId: subject.workflowRunId }
    : { tenantId, stepRunId: subject.stepRunId };
}

function conditions(filter: LogFilter): Filter<Document> {
  const levels = filter.minLevel === undefined ? [] : LEVELS.slice(LEVELS.indexOf(filter.minLevel));
  return {
    ...(filter.stepRunId === undefined ? {} : { stepRunId: filter.stepRunId }),
    ...(levels.length === 0 || levels.length === LEVELS.length ? {} : { level: { $in: levels } }),
    ...(filter.from === undefined && filter.to === undefined
      ? {}
      : {
          ts: {
            ...(filter.from === undefined ? {} : { $gte: filter.from }),
            ...(filter.to === undefined ? {} : { $lt: filter.to }),
          },
        }),
    ...(filter.contains === undefined ? {} : { message: { $regex: escapePattern(filter.contains), $options: "i" } }),
  };
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

/** Never a `$or`: it would make MongoDB merge and sort. */
function ranges(subject: Subject, { cursor, direction, filter }: PageRequest): Filter<Document>[] {
  const beyond = direction === "forward" ? "$gt" : "$lt";
  if (subject.kind === "step") return [cursor === undefined ? {} : { seq: { [beyond]: cursor.seq } }];
  if (filter.attempt !== undefined) return attemptRanges(filter.attempt, cursor, direction);
  if (cursor === undefined) return [{}];
  return [{ attempt: cursor.attempt, seq: { [beyond]: cursor.seq } }, { attempt: { [beyond]: cursor.attempt } }];
}

function attemptRanges(
  attempt: number,
  cursor: Cursor | undefined,
  direction: PageRequest["direction"],
): Filter<Document>[] {
  if (cursor === undefined) return [{ attempt }];
  if (cursor.attempt === attempt)
    return [{ attempt, seq: direction === "forward" ? { $gt: cursor.seq } : { $lt: cursor.seq } }];
  const ahead = direction === "forward" ? attempt > cursor.attempt : attempt < cursor.attempt;
  return ahead ? [{ attempt }] : [];
}

async function scan(
  logs: LogCollection,
  filter: Filter<Document>,
  subject: Subject,
  direction: PageRequest["direction"],
  limit: number,
): Promise<LogDocument[]> {
  const order = direction === "forward" ? 1 : -1;
  const sort: Sort = subject.kind === "run" ? { attempt: order, seq: order } : { seq: order };
  const cursor = logs.find(filter, { maxTimeMS: STORE_TIMEOUT_MS, batchSize: limit }).sort(sort).limit(limit);
  return (await cursor.toArray()).map((document) => logDocumentSchema.parse(document));
}
