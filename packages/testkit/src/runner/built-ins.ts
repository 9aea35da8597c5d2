import { setTimeout as wait } from "node:timers/promises";
import { contractNumber } from "@control-plane/queue";
import { z } from "zod";
import type { ClaimedStep, StepError } from "./claim.ts";
import { callOfInput, callOfRequest } from "./http-calls.ts";
import { type Outside, performCall } from "./http-steps.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";
export type WriteLog = (level: LogLevel, message: string, fields?: Record<string, unknown>, stepRunId?: string) => void;

export type BuiltInResult = { outcome: "succeeded"; output: unknown } | { outcome: "failed"; error: StepError };

/** `signal` aborts when the run is cancelled, the lease is lost, or the step's time is up. */
export type BuiltIn = (
  input: unknown,
  context: { log: WriteLog; signal: AbortSignal; step: ClaimedStep; outside: Outside },
) => Promise<BuiltInResult>;

const logInput = z.object({
  level: z.enum(["DEBUG", "INFO", "WARN", "ERROR"]).default("INFO"),
  message: z.string(),
  fields: z.record(z.string(), z.unknown()).default({}),
});
const sleepInput = z.object({ seconds: contractNumber(z.number().min(0).max(3600)) });
const failInput = z.object({
  code: z.string().default("FAILED_ON_PURPOSE"),
  message: z.string().default("failed on purpose"),
  retryable: z.boolean().default(false),
});

const declarativeRequest: BuiltIn = async (input, { outside, step, signal }) => ({
  outcome: "succeeded",
  output: await performCall(outside, step, callOfRequest(step, input), signal),
});

/** @returns undefined for an action this runner does not have */
export function findAction(step: ClaimedStep): BuiltIn | undefined {
  if (step.request !== null && step.request !== undefined) return declarativeRequest;
  const name = `${step.app}.${step.action}`;
  return Object.hasOwn(builtIns, name) ? builtIns[name] : undefined;
}

const builtIns: Readonly<Record<string, BuiltIn>> = {
  "core.echo": async (input) => ({ outcome: "succeeded", output: input }),
  "core.log": async (input, { log, step }) => {
    const line = logInput.parse(input);
    log(line.level, line.message, line.fields, step.stepRunId);
    return { outcome: "succeeded", output: {} };
  },
  "core.sleep": async (input, { signal }) => {
    await wait(sleepInput.parse(input).seconds * 1000, undefined, { signal });
    return { outcome: "succeeded", output: {} };
  },
  "core.fail": async (input) => ({ outcome: "failed", error: failInput.parse(input) }),
  "http.request": async (input, { outside, step, signal }) => ({
    outcome: "succeeded",
    output: await performCall(outside, step, callOfInput(input), signal),
  }),
};
