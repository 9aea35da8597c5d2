import { runEventSchema } from "@control-plane/queue";
import { INTEGER_MAX, storageProblem } from "./storable.ts";

/** RFC 3339 allows them; PostgreSQL knows no year 0 and no offset of 16 hours. */
const UNREADABLE_TIME = /^0000|[+-](?:1[6-9]|2\d):\d\d$/;

/** Why an event by itself can never be applied; undefined when it can. */
export function eventProblem(event: unknown): string | undefined {
  const problem = storageProblem(event);
  if (problem !== undefined) return problem;
  const parsed = runEventSchema.safeParse(event);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim();
  }
  if (parsed.data.seq > INTEGER_MAX) return `seq larger than ${INTEGER_MAX}`;
  return UNREADABLE_TIME.test(parsed.data.at) ? "at is out of range" : undefined;
}
