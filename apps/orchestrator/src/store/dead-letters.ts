import { createHash } from "node:crypto";
import { deadLetters, type Queryable } from "@control-plane/db";
import { storageProblem } from "@control-plane/runs";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { and, eq, type SQL, sql } from "drizzle-orm";

export type RunEventLetter = {
  /** Undefined where nobody else can make a letter of the same job. */
  id: string | undefined;
  /** Null while nobody can say whose the job is. */
  tenantId: string | null;
  runId: string | undefined;
  reason: "EVENT_UNREADABLE" | "EVENT_UNVERIFIED" | "EVENT_INVALID" | "EVENT_FAILED";
  detail: string;
  /** The job as it came. */
  data: unknown;
  attempts: number;
};

const DETAIL_LENGTH_MAX = 1_000;
const PAYLOAD_BYTES_MAX = 64 * 1024;

/** The one letter of a job, however often somebody dies between its letter and its removal: a uuid of version 8. */
export function letterIdOf(job: { id: string; addedAt: number }): string {
  const hex = createHash("sha256").update(`${job.addedAt} ${job.id}`).digest("hex");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** False when there is one with this id. */
export async function insertRunEventLetter(db: Queryable, letter: RunEventLetter): Promise<boolean> {
  const made = await db
    .insert(deadLetters)
    .values({
      ...(letter.id === undefined ? {} : { id: letter.id }),
      tenantId: letter.tenantId,
      kind: "RUN_EVENT",
      referenceId: letter.runId ?? null,
      reason: letter.reason,
      detail: letter.detail.slice(0, DETAIL_LENGTH_MAX),
      payload: payloadOf(letter.data),
      attempts: letter.attempts,
    })
    .onConflictDoNothing({ target: deadLetters.id })
    .returning({ id: deadLetters.id });
  return made.length === 1;
}

const TRUNCATED = JSON.stringify({ truncated: true });

/** The job itself where a letter may hold it. PostgreSQL measures: its notation of the same JSON is longer than ours. */
function payloadOf(data: unknown): SQL {
  const text = storageProblem(data) === undefined ? (JSON.stringify(data) ?? "null") : TRUNCATED;
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) return sql`${TRUNCATED}::jsonb`;
  return sql`case when octet_length(${text}::jsonb::text) <= ${PAYLOAD_BYTES_MAX} then ${text}::jsonb else ${TRUNCATED}::jsonb end`;
}

export type OpenLetter = Pick<typeof deadLetters.$inferSelect, "id" | "kind" | "referenceId">;

/** Holds a letter of the tenant until the transaction ends. Throws `NOT_FOUND`, `CONFLICT` for one that is closed. */
export async function lockOpenLetter(tx: Queryable, tenantId: string, id: string): Promise<OpenLetter> {
  const [letter] = await tx
    .select({
      id: deadLetters.id,
      kind: deadLetters.kind,
      referenceId: deadLetters.referenceId,
      status: deadLetters.status,
    })
    .from(deadLetters)
    .where(and(eq(deadLetters.tenantId, tenantId), eq(deadLetters.id, id)))
    .for("update");
  if (letter === undefined) throw new AppError("NOT_FOUND", "there is no such dead letter");
  if (letter.status !== "OPEN") throw new AppError("CONFLICT", "this dead letter is closed");
  return letter;
}

/** @param id of a letter that this transaction holds */
export async function closeLetter(
  tx: Queryable,
  { tenantId, userId }: Pick<Caller, "tenantId" | "userId">,
  id: string,
  status: "REDRIVEN" | "DISCARDED",
): Promise<void> {
  await tx
    .update(deadLetters)
    .set({ status, resolvedAt: sql`now()`, resolvedBy: userId })
    .where(and(eq(deadLetters.tenantId, tenantId), eq(deadLetters.id, id), eq(deadLetters.status, "OPEN")));
}
