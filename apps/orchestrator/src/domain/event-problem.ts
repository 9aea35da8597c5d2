import { runEventSchema, STEP_VALUE_NESTING_MAX } from "@control-plane/queue";
import { INTEGER_MAX, storageProblem } from "@control-plane/runs";

/** The event's own level stands around the value that it carries. */
const EVENT_NESTING_MAX = STEP_VALUE_NESTING_MAX + 1;

/** Why an event by itself can never be applied; undefined when it can. */
export function eventProblem(event: unknown): string | undefined {
  const problem = storageProblem(event, EVENT_NESTING_MAX);
  if (problem !== undefined) return problem;
  const parsed = runEventSchema.safeParse(event);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim();
  }
  return parsed.data.seq > INTEGER_MAX ? `seq larger than ${INTEGER_MAX}` : undefined;
}
