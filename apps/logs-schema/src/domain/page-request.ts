import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";

export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
export type Level = (typeof LEVELS)[number];

/** A place between two lines: behind (after) or in front of (before) line `seq` of an attempt. */
export type Cursor = { attempt: number; seq: number };

export type PageRequest = {
  direction: "forward" | "backward";
  limit: number;
  cursor: Cursor | undefined;
  /** The client's `after` as given; an empty page repeats it so that a poll can go on. */
  afterText: string | undefined;
  filter: LogFilter;
  /** Milliseconds a forward page may wait for its first line. */
  waitMs: number;
};
export type LogFilter = {
  minLevel: Level | undefined;
  stepRunId: string | undefined;
  attempt: number | undefined;
  from: Date | undefined;
  to: Date | undefined;
  contains: string | undefined;
};

const LINES_DEFAULT = 100;
const LINES_MAX = 1_000;
const WAIT_MS_MAX = 20_000;

const count = z.int().min(1).max(LINES_MAX).nullish();
const instant = z.iso.datetime({ offset: true }).nullish();
const argumentsSchema = z.object({
  first: count,
  after: z.string().max(100).nullish(),
  last: count,
  before: z.string().max(100).nullish(),
  filter: z
    .object({
      minLevel: z.enum(LEVELS).nullish(),
      stepRunId: z.uuid().nullish(),
      attempt: z.int().min(0).nullish(),
      from: instant,
      to: instant,
      contains: z.string().min(1).max(200).nullish(),
    })
    .nullish(),
  waitMs: z.int().min(0).max(WAIT_MS_MAX).nullish(),
});

/** Throws `BAD_INPUT`: forward and backward at once, a foreign cursor, numbers out of bounds, waiting without `after`. */
export function parsePageRequest(args: unknown): PageRequest {
  const parsed = argumentsSchema.safeParse(args);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AppError("BAD_INPUT", `${issue?.path.join(".") ?? "input"}: ${issue?.message ?? "not accepted"}`);
  }
  const { first, after, last, before, filter, waitMs } = parsed.data;
  const backward = last != null || before != null;
  if (backward && (first != null || after != null))
    throw new AppError("BAD_INPUT", "use first and after, or last and before, not both");
  if (waitMs != null && waitMs > 0 && after == null) throw new AppError("BAD_INPUT", "waitMs needs after");
  const cursorText = backward ? before : after;
  return {
    direction: backward ? "backward" : "forward",
    limit: (backward ? last : first) ?? LINES_DEFAULT,
    cursor: cursorText == null ? undefined : parseCursor(cursorText),
    afterText: after ?? undefined,
    filter: {
      minLevel: filter?.minLevel ?? undefined,
      stepRunId: filter?.stepRunId ?? undefined,
      attempt: filter?.attempt ?? undefined,
      from: filter?.from == null ? undefined : new Date(filter.from),
      to: filter?.to == null ? undefined : new Date(filter.to),
      contains: filter?.contains ?? undefined,
    },
    waitMs: waitMs ?? 0,
  };
}

export function printCursor({ attempt, seq }: Cursor): string {
  return Buffer.from(`${attempt}.${seq}`).toString("base64url");
}

function parseCursor(text: string): Cursor {
  const match = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,14})$/.exec(Buffer.from(text, "base64url").toString("latin1"));
  const cursor = { attempt: Number(match?.[1]), seq: Number(match?.[2]) };
  // Printed again it must be the same text: no second spelling of a cursor is accepted.
  if (match === null || printCursor(cursor) !== text) throw new AppError("BAD_INPUT", "not a cursor of this list");
  return cursor;
}
