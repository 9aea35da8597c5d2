import type { Masker } from "@control-plane/egress";
import { compareNumbers, isJsonNumber, numberText } from "@control-plane/queue";
import { type Collection, MongoBulkWriteError } from "mongodb";
import type { WriteLog } from "./built-ins.ts";
import type { Claim } from "./claim.ts";

const DUPLICATE_KEY = 11_000;
const BATCH_LINES_MAX = 500;
const KEPT_LINES_MAX = 5_000;
const MESSAGE_BYTES_MAX = 8 * 1024;

/** The log of one attempt (docs/reference/logs-and-audit.md). A line that cannot be written never stops the run. */
export function createLogWriter(
  collection: Collection | undefined,
  claim: Claim,
  masker: Masker,
): { log: WriteLog; flush(): Promise<void> } {
  const { run, logs, traceparent } = claim.bundle;
  let seq = 0;
  let waiting: Record<string, unknown>[] = [];
  return {
    log(level, message, fields = {}, stepRunId) {
      if (seq >= logs.linesMax || waiting.length >= KEPT_LINES_MAX) return;
      seq += 1;
      const truncated = seq === logs.linesMax;
      waiting.push({
        v: 1,
        tenantId: run.tenantId,
        workflowRunId: run.id,
        stepRunId: stepRunId ?? null,
        attempt: run.attempt,
        seq,
        ts: new Date(),
        level: truncated ? "WARN" : level,
        message: cut(masker.text(message)),
        fields: truncated ? { truncated: true } : storable(masker.value(fields)),
        traceId: traceparent?.split("-")[1] ?? null,
        expiresAt: new Date(logs.expiresAt),
      });
    },
    async flush() {
      const batch = waiting.slice(0, BATCH_LINES_MAX);
      if (collection === undefined || batch.length === 0) return;
      waiting = waiting.slice(batch.length);
      try {
        await collection.insertMany(batch, { ordered: false });
      } catch (error) {
        if (!isRepeat(error)) waiting = [...batch.map(({ _id, ...line }) => line), ...waiting].slice(0, KEPT_LINES_MAX);
      }
    },
  };
}

/** "Already written" is success. */
function isRepeat(error: unknown): boolean {
  return error instanceof MongoBulkWriteError && error.code === DUPLICATE_KEY;
}

/** BSON's numbers are doubles and 64-bit integers: what they cannot hold is written as its text. */
function storable(value: unknown): unknown {
  if (isJsonNumber(value) && typeof value !== "number") {
    const double = Number(numberText(value));
    return compareNumbers(double, value) === 0 ? double : numberText(value);
  }
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, storable(inner)]));
}

function cut(message: string): string {
  if (Buffer.byteLength(message) <= MESSAGE_BYTES_MAX) return message;
  const room = MESSAGE_BYTES_MAX - Buffer.byteLength("…");
  // Cutting bytes may split a character, which decodes to a replacement character of up to three bytes.
  return `${Buffer.from(message)
    .subarray(0, room)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}
