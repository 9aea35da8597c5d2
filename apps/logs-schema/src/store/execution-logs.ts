import type { Collection, Document, Filter } from "mongodb";
import { z } from "zod";
import { type Cursor, LEVELS, type LogFilter, type PageRequest } from "../domain/page-request.ts";
import type { RequestBudget } from "../domain/request-budget.ts";

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
const placeSchema = z.object({ attempt: z.number(), seq: z.number() });
export type LogDocument = z.infer<typeof logDocumentSchema>;
/** Answers later than `waitMsMax` count as none. */
export type LogStore = { readonly lines: Collection; readonly waitMsMax: number };

export type Subject = { kind: "run"; workflowRunId: string } | { kind: "step"; stepRunId: string };

/**
 * As stored; `parseLines` makes lines of them. `readTo` is the last line that was looked at, where a page ends before it is
 * full although there are more.
 */
export type FoundLines = { documents: Document[]; hasMore: boolean; readTo: Cursor | undefined };

/** Lines that one page looks at for those that its filter lets through. */
export const SCANNED_MAX = 5_000;

/**
 * Reads one line more than asked for, which tells whether there are more; always in rising order. A page is one or two
 * index range scans: the rest of the cursor's attempt, then the attempts behind it. It ends early when it has looked at
 * `SCANNED_MAX` lines, and when the request has no more bytes for another line.
 */
export async function readLines(
  logs: LogStore,
  tenantId: string,
  subject: Subject,
  request: PageRequest,
  budget: Pick<RequestBudget, "takeBytes">,
): Promise<FoundLines> {
  const wanted = request.limit + 1;
  const narrowing = conditions(subject, request.filter);
  const sort = sortOf(subject, request);
  const found: Document[] = [];
  let readTo: Cursor | undefined;
  for (const range of ranges(subject, request)) {
    if (found.length >= wanted || readTo !== undefined) break;
    const filter = { ...scope(tenantId, subject), ...range };
    const more = await scan(logs, filter, narrowing, sort, wanted - found.length);
    found.push(...more);
    if (isNarrow(narrowing) && found.length < wanted) readTo = await findScanned(logs, filter, sort);
  }
  const inPage = found.slice(0, request.limit);
  // The first line always fits, so that a client gets on.
  const tooLong = inPage.findIndex((line, index) => !budget.takeBytes(bytesOf(line)) && index > 0);
  const documents = tooLong === -1 ? inPage : inPage.slice(0, tooLong);
  return {
    documents: request.direction === "forward" ? documents : documents.reverse(),
    hasMore: found.length > documents.length || readTo !== undefined,
    readTo: found.length > documents.length ? undefined : readTo,
  };
}

function isNarrow(narrowing: Filter<Document>): boolean {
  return Object.keys(narrowing).length > 0;
}

function bytesOf({ message, fields }: Document): number {
  return Buffer.byteLength(`${message}${JSON.stringify(fields ?? null)}`);
}

/** The last line that `scan` looked at, where it stopped before the end of the range. */
async function findScanned(
  logs: LogStore,
  range: Filter<Document>,
  sort: Record<string, 1 | -1>,
): Promise<Cursor | undefined> {
  const options = { maxTimeMS: logs.waitMsMax, projection: { attempt: 1, seq: 1 } };
  const [last, beyond] = await logs.lines
    .find(range, options)
    .sort(sort)
    .skip(SCANNED_MAX - 1)
    .limit(2)
    .toArray();
  return last === undefined || beyond === undefined ? undefined : placeSchema.parse(last);
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
  if (!isNarrow(narrowing)) return logs.lines.find(range, options).sort(sort).limit(limit).toArray();
  const stages = [
    { $match: range },
    { $sort: sort },
    { $limit: SCANNED_MAX },
    { $match: narrowing },
    { $limit: limit },
  ];
  return logs.lines.aggregate(stages, options).toArray();
}
