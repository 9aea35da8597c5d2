import type { Collection } from "mongodb";
import { type Attempt, createAttempt } from "./attempt.ts";
import { builtIns } from "./built-ins.ts";
import type { Claim, ClaimedStep, RunnerEvent, StepError } from "./claim.ts";
import { createLogWriter } from "./log-writer.ts";
import { holds, RefUnresolvedError, resolveValue, type Scope } from "./resolve.ts";
import type { RunnerApi } from "./runner-api.ts";

const RESEND_AFTER_MS = 500;
const LOG_FLUSH_MS = 500;

/** Why an attempt stops before its end: the run is cancelled, it is no longer ours, or the process stops. */
type StopReason = "cancelled" | "stale" | "shutdown";

/** Why the signal of an attempt was aborted. */
function stopReason(signal: AbortSignal): StopReason | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  return reason === "cancelled" || reason === "stale" || reason === "shutdown" ? reason : undefined;
}

type Work = {
  attempt: Attempt;
  stop: AbortController;
  scope: Scope;
  log: ReturnType<typeof createLogWriter>["log"];
};

/**
 * Does what a good runner does with a claim: walks the steps in their order, reports each event, keeps the lease alive,
 * obeys cancellation and deadline, writes the log, ends with one run.* event.
 */
export async function executeClaim(
  api: RunnerApi,
  claim: Claim,
  options: { logs?: Collection | undefined; shutdown?: AbortSignal | undefined } = {},
): Promise<void> {
  const attempt = createAttempt(api, claim);
  const stop = new AbortController();
  const { log, flush } = createLogWriter(options.logs, claim);
  const onShutdown = () => stop.abort("shutdown");
  options.shutdown?.addEventListener("abort", onShutdown, { once: true });
  const timers = [
    setInterval(() => void beat(attempt, stop), claim.heartbeatSeconds * 1000),
    setInterval(() => void flush(), LOG_FLUSH_MS),
    // The sweeper says TIMED_OUT; the runner only stops working.
    setTimeout(() => stop.abort("stale"), new Date(claim.deadlineAt).getTime() - Date.now()),
  ];
  try {
    await walk({ attempt, stop, scope: firstScope(claim), log });
  } finally {
    for (const timer of timers) clearInterval(timer);
    options.shutdown?.removeEventListener("abort", onShutdown);
    await flush();
  }
}

function firstScope(claim: Claim): Scope {
  const { input, trigger, run, completedSteps } = claim.bundle;
  return {
    input,
    trigger,
    run: { id: run.id, startedAt: run.startedAt },
    steps: Object.fromEntries(completedSteps.map((step) => [step.stepKey, { output: step.output }])),
  };
}

async function walk(work: Work): Promise<void> {
  const { steps, output } = work.attempt.claim.bundle;
  for (const step of steps.toSorted((a, b) => a.position - b.position)) {
    if (work.stop.signal.aborted) break;
    const error = await runStep(work, step);
    if (error !== undefined) {
      await report(work, { type: "run.failed", error: { ...error, stepKey: step.stepKey } });
      return;
    }
  }
  switch (stopReason(work.stop.signal)) {
    case "cancelled":
      await report(work, { type: "run.cancelled" });
      return;
    case "stale":
    case "shutdown":
      return;
    default:
      await finish(work, output);
  }
}

async function finish(work: Work, output: unknown): Promise<void> {
  const resolved = attemptTo(() => resolveValue(output ?? null, work.scope));
  await report(
    work,
    "error" in resolved
      ? { type: "run.failed", error: resolved.error }
      : { type: "run.succeeded", output: resolved.value },
  );
}

/** @returns the error of a failed step; undefined when it succeeded, was skipped, or the attempt was stopped */
async function runStep(work: Work, step: ClaimedStep): Promise<StepError | undefined> {
  const { stepKey } = step;
  const prepared = attemptTo(() =>
    holds(step.when, work.scope) ? { input: resolveValue(step.input ?? {}, work.scope) } : undefined,
  );
  if ("error" in prepared) return failStep(work, step, prepared.error);
  if (prepared.value === undefined) {
    await report(work, { type: "step.skipped", stepKey });
    return undefined;
  }
  const { input } = prepared.value;
  await report(work, { type: "step.started", stepKey, input });
  work.log("INFO", "step started", { step: stepKey }, step.stepRunId);
  const builtIn = builtIns[`${step.app}.${step.action}`];
  if (builtIn === undefined)
    return failStep(work, step, refusal("ACTION_UNSUPPORTED", `${step.app}.${step.action} needs another runner`));
  const timeout = AbortSignal.timeout(step.timeoutSeconds * 1000);
  const signal = AbortSignal.any([work.stop.signal, timeout]);
  try {
    const result = await builtIn(input, { log: work.log, signal, stepRunId: step.stepRunId });
    if (result.outcome === "failed") return await failStep(work, step, result.error);
    work.scope.steps[stepKey] = { output: result.output };
    await report(work, { type: "step.succeeded", stepKey, output: result.output });
    work.log("INFO", "step succeeded", { step: stepKey }, step.stepRunId);
    return undefined;
  } catch (error) {
    if (work.stop.signal.aborted) return undefined;
    if (timeout.aborted)
      return failStep(work, step, { ...refusal("STEP_TIMEOUT", "the step took too long"), retryable: true });
    return failStep(work, step, refusal("STEP_FAILED", error instanceof Error ? error.message : String(error)));
  }
}

async function failStep(work: Work, step: ClaimedStep, error: StepError): Promise<StepError> {
  work.log("ERROR", error.message, { code: error.code }, step.stepRunId);
  await report(work, { type: "step.failed", stepKey: step.stepKey, error });
  return error;
}

function refusal(code: string, message: string): StepError {
  return { code, message, retryable: false };
}

function attemptTo<T>(work: () => T): { value: T } | { error: StepError } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof RefUnresolvedError) return { error: refusal("REF_UNRESOLVED", error.message) };
    throw error;
  }
}

/** Sends one event until it is answered; an answer that is not ours any more stops the attempt. */
async function report(work: Work, event: RunnerEvent): Promise<void> {
  const numbered = work.attempt.number(event);
  while (stopReason(work.stop.signal) !== "stale" && stopReason(work.stop.signal) !== "shutdown") {
    const answer = await work.attempt.sendNumbered(numbered).catch(() => undefined);
    if (answer?.outcome === "accepted") {
      if (answer.cancelRequested) work.stop.abort("cancelled");
      return;
    }
    if (answer !== undefined && answer.status < 500) {
      work.stop.abort("stale");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, RESEND_AFTER_MS));
  }
}

/** A lost heartbeat is not repeated: the next one comes, and the lease outlives three. */
async function beat(attempt: Attempt, stop: AbortController): Promise<void> {
  const answer = await attempt.heartbeat().catch(() => undefined);
  if (answer?.outcome === "accepted" && answer.cancelRequested) stop.abort("cancelled");
  if (answer?.outcome === "refused" && answer.status < 500) stop.abort("stale");
}
