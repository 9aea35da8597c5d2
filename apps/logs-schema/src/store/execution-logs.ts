import type { Collection, Document, Filter } from "mongodb";
import { z } from "zod";
import { type Cursor, LEVELS, type LogFilter, type PageRequest } from "../domain/page-request.ts";

/** A log line as runners store it, as far as it is read; unknown extra fields are tolerated. */
const logDocumentSchema = z.object({
  _id: z.unknown(),
  stepRunId: z.string().nullish(),
  attempt: z.number(),
  seq: z.number(),
  ts: z.date(),
  level: z.enum(LEVELS),
  message: z.string(),
  fields: z.unknown().optional(),
  traceId: z.string().nullish(),
});
export type LogDocument = z.infer<typeof logDocumentSchema>;
/** Answers later than `waitMsMax` count as none. */
export type LogStore = { readonly lines: Collection; readonly waitMsMax: number };

export type Subject = { kind: "run"; workflowRunId: string } | { kind: "step"; stepRunId: string };

/** As stored; `parseLines` makes lines of them. */
export type FoundLines = { documents: Document[]; hasMore: boolean };

/**
 * Reads one line more than asked for, which tells whether there are more; always in rising order. A page is one or two
 * index range scans: the rest of the cursor's attempt, then the attempts behind it.
 */
export async function readLines(
  logs: LogStore,
  tenantId: string,
  subject: Subject,
  request: PageRequest,
): Promise<FoundLines> {
  const wanted = request.limit + 1;
  const narrowing = conditions(subject, request.filter);
  const found: Document[] = [];
  for (const range of ranges(subject, request)) {
    if (found.length >= wanted) break;
    const filter = { ...scope(tenantId, subject), ...range };
    found.push(...(await scan(logs, filter, narrowing, sortOf(subject, request), wanted - found.length)));
  }
  const documents = found.slice(0, request.limit);
  return {
    documents: request.direction === "forward" ? documents : documents.reverse(),
    hasMore: found.length > request.limit,
  };
}

/** Throws for a document that is no log line, which the collection's validator keeps out. */
export function parseLines(documents: readonly Document[]): LogDocument[] {
  return documents.map((document) => logDocumentSchema.parse(document));
}

function scope(tenantId: string, subject: Subject): Filter<Document> {
  return subject.kind === "run"
    ? { tenantId, workflowRunId: subject.workflowRunId }
    : { tenantId, stepRunId: subject.stepRunId };
}

/** What a line must be beyond lying in the range; no index serves it. */
function conditions(subject: Subject, filter: LogFilter): Filter<Document> {
  const levels = filter.minLevel === undefined ? LEVELS : LEVELS.slice(LEVELS.indexOf(filter.minLevel));
  const ts = {
    ...(filter.from === undefined ? {} : { $gte: filter.from }),
    ...(filter.to === undefined ? {} : { $lt: filter.to }),
  };
  return {
    ...(subject.kind === "run" && filter.stepRunId !== undefined ? { stepRunId: filter.stepRunId } : {}),
    ...(subject.kind === "step" && filter.attempt !== undefined ? { attempt: filter.attempt } : {}),
    ...(levels.length === LEVELS.length ? {} : { level: { $in: [...levels] } }),
    ...(filter.from === undefined && filter.to === undefined ? {} : { ts }),
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

function sortOf(subject: Subject, { direction }: PageRequest): Record<string, 1 | -1> {
  const order = direction === "forward" ? 1 : -1;
  return subject.kind === "run" ? { attempt: order, seq: order } : { seq: order };
}

/**
 * What no index serves is a stage of its own: MongoDB joins the stages into the plan of one `find`, while the development
 * server leaves the index for the whole collection as soon as a filter names a field outside of it.
 */
async function scan(
  logs: LogStore,
  range: Filter<Document>,
  narrowing: Filter<Document>,
  sort: Record<string, 1 | -1>,
  limit: number,
): Promise<Document[]> {
  // A batch that is full leaves a cursor behind, which costs another round trip to find empty.
  const options = { maxTimeMS: logs.waitMsMax, batchSize: limit + 1 };
  if (Object.keys(narrowing).length === 0) return logs.lines.find(range, options).sort(sort).limit(limit).toArray();
  const stages = [{ $match: range }, { $sort: sort }, { $match: narrowing }, { $limit: limit }];
  return logs.lines.aggregate(stages, options).toArray();
}
