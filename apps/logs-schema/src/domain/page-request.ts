import { AppError, parseInput } from "@control-plane/service-kit/errors";
import { z } from "zod";

export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
export type Level = (typeof LEVELS)[number];

/** A place between two lines: behind (after) or in front of (before) line `seq` of an attempt. */
export type Cursor = { attempt: number; seq: number };

export type PageRequest = {
  direction: "forward" | "backward";
  limit: number;
  cursor: Cursor | undefined;
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
const CONTAINS_MAX = 200;

const count = z.int().min(1).max(LINES_MAX).nullish();
const cursor = z
  .string()
  .transform((text, context): Cursor => {
    const place = parseCursor(text);
    if (place !== undefined) return place;
    context.addIssue({ code: "custom", message: "not a cursor of this list" });
    return z.NEVER;
  })
  .nullish();
const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .nullish();
const argumentsSchema = z.object({
  first: count,
  after: cursor,
  last: count,
  before: cursor,
  filter: z
    .object({
      minLevel: z.enum(LEVELS).nullish(),
      stepRunId: z.uuid().toLowerCase().nullish(),
      attempt: z.int().min(0).nullish(),
      from: instant,
      to: instant,
      contains: z
        .string()
        .max(CONTAINS_MAX)
        // A server refuses a pattern with this character, and that must not look like an outage.
        .refine((text) => !text.includes("\0"), "the character NUL is not accepted")
        .nullish(),
    })
    .nullish(),
  waitMs: z.int().min(0).max(WAIT_MS_MAX).nullish(),
});

/**
 * Throws `BAD_INPUT`: forward and backward at once, a foreign cursor, numbers out of bounds, waiting without `after`, a
 * step's filter by step.
 */
export function parsePageRequest(kind: "run" | "step", args: unknown): PageRequest {
  const { first, after, last, before, filter, waitMs } = parseInput(argumentsSchema, args);
  const isBackward = last != null || before != null;
  if (isBackward && (first != null || after != null))
    throw refusal("last", "use first and after, or last and before, not both");
  if (waitMs != null && waitMs > 0 && after == null) throw refusal("waitMs", "needs after");
  if (kind === "step" && filter?.stepRunId != null) throw refusal("filter.stepRunId", "is for the logs of a run");
  return {
    direction: isBackward ? "backward" : "forward",
    limit: (isBackward ? last : first) ?? LINES_DEFAULT,
    cursor: (isBackward ? before : after) ?? undefined,
    filter: {
      minLevel: filter?.minLevel ?? undefined,
      stepRunId: filter?.stepRunId ?? undefined,
      attempt: filter?.attempt ?? undefined,
      from: filter?.from ?? undefined,
      to: filter?.to ?? undefined,
      // Every line contains the empty text.
      contains: filter?.contains || undefined,
    },
    waitMs: waitMs ?? 0,
  };
}

function refusal(path: string, message: string): AppError {
  return new AppError("BAD_INPUT", "the input is not acceptable", { details: { issues: [{ path, message }] } });
}

export function printCursor({ attempt, seq }: Cursor): string {
  return Buffer.from(`${attempt}.${seq}`).toString("base64url");
}

function parseCursor(text: string): Cursor | undefined {
  const match = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,14})$/.exec(Buffer.from(text, "base64url").toString("latin1"));
  const place = { attempt: Number(match?.[1]), seq: Number(match?.[2]) };
  // Printed again it must be the same text: no second spelling of a cursor is accepted.
  return match === null || printCursor(place) !== text ? undefined : place;
}
