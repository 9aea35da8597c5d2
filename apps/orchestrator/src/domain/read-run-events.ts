import { type RunEvent, runEventsBodySchema } from "@control-plane/queue";
import { readJson } from "@control-plane/service-kit";

/** The events of a job's body; undefined for a body that does not fit. */
export function readRunEvents(body: string): RunEvent[] | undefined {
  try {
    return runEventsBodySchema.safeParse(readJson(body)).data?.events;
  } catch {
    return undefined;
  }
}
