import { CronExpressionParser } from "cron-parser";
import type { CronTriggerMetadata, Metadata } from "../metadata/metadata.ts";
import { type Env, fillUrl, resolveHeaders } from "./env-templates.ts";
import { type Inconsistencies, InconsistencyError } from "./inconsistency.ts";
import type { CronTrigger } from "./model.ts";

const RETRY_DEFAULTS = { numRetries: 0, intervalSeconds: 10, timeoutSeconds: 60, toleranceSeconds: 21_600 };

export function resolveCronTriggers(metadata: Metadata, env: Env, inconsistencies: Inconsistencies): CronTrigger[] {
  return metadata.cron_triggers.flatMap((entry) => {
    const object = { type: "cron_trigger", name: entry.name, definition: entry };
    return inconsistencies.attempt(object, () => resolveTrigger(entry, env)) ?? [];
  });
}

function resolveTrigger(entry: CronTriggerMetadata, env: Env): CronTrigger {
  return {
    name: entry.name,
    url: fillUrl(entry.webhook, env),
    schedule: requireSchedule(entry.schedule),
    payload: entry.payload ?? null,
    comment: entry.comment,
    headers: resolveHeaders(entry.headers, env),
    retry: {
      numRetries: entry.retry_conf?.num_retries ?? RETRY_DEFAULTS.numRetries,
      intervalSeconds: entry.retry_conf?.retry_interval_seconds ?? RETRY_DEFAULTS.intervalSeconds,
      timeoutSeconds: entry.retry_conf?.timeout_seconds ?? RETRY_DEFAULTS.timeoutSeconds,
      toleranceSeconds: entry.retry_conf?.tolerance_seconds ?? RETRY_DEFAULTS.toleranceSeconds,
    },
  };
}

function requireSchedule(text: string): string {
  const schedule = text.trim();
  const refused = new InconsistencyError("parse-failed", `"${text}" is not a cron schedule of five fields`);
  if (schedule.split(/\s+/).length !== 5) throw refused;
  try {
    CronExpressionParser.parse(schedule, { tz: "UTC" });
  } catch {
    throw refused;
  }
  return schedule;
}
