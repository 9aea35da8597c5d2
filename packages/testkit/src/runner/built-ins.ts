import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import type { StepError } from "./claim.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";
export type WriteLog = (level: LogLevel, message: string, fields?: Record<string, unknown>, stepRunId?: string) => void;

export type BuiltInResult = { outcome: "succeeded"; output: unknown } | { outcome: "failed"; error: StepError };

/** `signal` aborts when the run is cancelled, the lease is lost, or the step's time is up. */
export type BuiltIn = (
  input: unknown,
  context: { log: WriteLog; signal: AbortSignal; stepRunId: string },
) => Promise<BuiltInResult>;

const logInput = z.object({
  level: z.enum(["DEBUG", "INFO", "WARN", "ERROR"]).default("INFO"),
  message: z.string(),
  fields: z.record(z.string(), z.unknown()).default({}),
});
const sleepInput = z.object({ seconds: z.number().min(0).max(3600) });
const failInput = z.object({
  code: z.string().default("FAILED_ON_PURPOSE"),
  message: z.string().default("failed on purpose"),
  retryable: z.boolean().default(false),
});

/** The actions of the app `core`. */
export const builtIns: Readonly<Record<string, BuiltIn>> = {
  "core.echo": async (input) => ({ outcome: "succeeded", output: input }),
  "core.log": async (input, { log, stepRunId }) => {
    const line = logInput.parse(input);
    log(line.level, line.message, line.fields, stepRunId);
    return { outcome: "succeeded", output: {} };
  },
  "core.sleep": async (input, { signal }) => {
    await wait(sleepInput.parse(input).seconds * 1000, undefined, { signal });
    return { outcome: "succeeded", output: {} };
  },
  "core.fail": async (input) => ({ outcome: "failed", error: failInput.parse(input) }),
};
