import { nextFires, readSchedule, type ScheduleProblem } from "@control-plane/runs";
import { AppError } from "@control-plane/service-kit/errors";

const FIRES_SHOWN = 5;

export type ShownSchedule = { triggerId: string; nextFires: string[] };

/**
 * The next five fires of a schedule as somebody gave it. Throws `BAD_INPUT` with an issue per argument: an expression or
 * a zone that is none, or one without a fire within five years.
 */
export function fireTimes(cron: string, timezone: string, after: Date): [Date, ...Date[]] {
  const reading = readSchedule(cron, timezone);
  if ("problems" in reading) throw badSchedule(reading.problems);
  const [first, ...others] = nextFires(reading.schedule, after, FIRES_SHOWN);
  if (first === undefined) throw badSchedule([{ path: "cron", message: "never fires within five years" }]);
  return [first, ...others];
}

export function showSchedule(triggerId: string, fires: readonly Date[]): ShownSchedule {
  return { triggerId, nextFires: fires.map((fire) => fire.toISOString()) };
}

function badSchedule(issues: readonly ScheduleProblem[]): AppError {
  const message = issues.map((issue) => `${issue.path} ${issue.message}`).join("; ");
  return new AppError("BAD_INPUT", message, { details: { issues } });
}
