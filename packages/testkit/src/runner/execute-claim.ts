import { createEgress, type EgressAllow } from "@control-plane/egress";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Collection } from "mongodb";
import { type Attempt, createAttempt } from "./attempt.ts";
import { findAction } from "./built-ins.ts";
import type { Claim, ClaimedStep, RunnerEvent, StepError } from "./claim.ts";
import { createCredentials } from "./credentials.ts";
import type { Outside } from "./http-steps.ts";
import { createLogWriter } from "./log-writer.ts";
import { type AttemptMasker, createAttemptMasker } from "./masking.ts";
import { holds, RefUnresolvedError, resolveValue, type Scope } from "./resolve.ts";
import type { RunnerApi } from "./runner-api.ts";
import { StepFailedError } from "./step-failed-error.ts";

const RESEND_AFTER_MS = 500;
const LOG_FLUSH_MS = 500;
const MESSAGE_LENGTH_MAX = 2_000;

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
  masker: AttemptMasker;
  outside: Outside;
  hooks: RunnerHooks;
};

/** What a fault test does in a runner, and notes of it. */
export type RunnerHooks = {
  onClaim?: (run: { runId: string; attempt: number }) => void;
  /** Before a step is done. */
  onStep?: (step: StepPlace, input: unknown) => Promise<void> | void;
  /** A step was done; nobody has been told yet. */
  onEffect?: (step: StepPlace) => void;
};
type StepPlace = { runId: string; attempt: number; stepKey: string };

export type ExecuteOptions = {
  hooks?: RunnerHooks | undefined;
  logs?: Collection | undefined;
  shutdown?: AbortSignal | undefined;
  /** Default: the public internet alone. */
  egressAllow?: EgressAllow | undefined;
};

/**
 * Does what a good runner does with a claim: walks the steps in their order, reports each event, keeps the lease alive,
 * obeys cancellation and deadline, writes the log, ends with one run.* event.
 */
export async function executeClaim(api: RunnerApi, claim: Claim, options: ExecuteOptions = {}): Promise<void> {
  const attempt = createAttempt(api, claim);
  const stop = new AbortController();
  const masker = createAttemptMasker();
  const { log, flush } = createLogWriter(options.logs, claim, masker);
  const outside = {
    egress: createEgress({ allow: options.egressAllow ?? [] }),
    credentials: createCredentials(claim.credentialsUrl, attempt.lease, masker, () => stop.abort("stale")),
    traceparent: claim.bundle.traceparent ?? undefined,
  };
  const onShutdown = () => stop.abort("shutdown");
  options.shutdown?.addEventListener("abort", onShutdown, { once: true });
  const timers = [
    setInterval(() => void beat(attempt, stop), claim.heartbeatSeconds * 1000),
    setInterval(() => void flush(), LOG_FLUSH_MS),
    // The sweeper says TIMED_OUT; the runner only stops working.
    setTimeout(() => stop.abort("stale"), new Date(claim.deadlineAt).getTime() - Date.now()),
  ];
  try {
    await walk({ attempt, stop, scope: firstScope(claim), log, masker, outside, hooks: options.hooks ?? {} });
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
  const { steps, output, completedSteps } = work.attempt.claim.bundle;
  const done = new Set(completedSteps.map(({ stepKey }) => stepKey));
  const waiting = steps.filter(({ stepKey }) => !done.has(stepKey)).toSorted((a, b) => a.position - b.position);
  while (waiting.length > 0 && !work.stop.signal.aborted) {
    const ready = waiting.findIndex(({ dependsOn }) => dependsOn.every((key) => done.has(key)));
    const [step] = ready === -1 ? [] : waiting.splice(ready, 1);
    if (step === undefined) {
      const error = refusal("DEFINITION_INVALID", "the steps that are left wait for each other");
      await report(work, { type: "run.failed", error });
      return;
    }
    const error = await runStep(work, step);
    if (error !== undefined) {
      await report(work, { type: "run.failed", error: { ...error, stepKey: step.stepKey } });
      return;
    }
    done.add(step.stepKey);
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
      : { type: "run.succeeded", output: work.masker.value(resolved.value) },
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
  await report(work, { type: "step.started", stepKey, input: work.masker.value(input) });
  work.log("INFO", "step started", { step: stepKey }, step.stepRunId);
  await failpoint("runner.mid-step");
  const action = findAction(step);
  if (action === undefined)
    return failStep(work, step, refusal("ACTION_UNSUPPORTED", `${step.app}.${step.action} needs another runner`));
  const timeout = AbortSignal.timeout(step.timeoutSeconds * 1000);
  const signal = AbortSignal.any([work.stop.signal, timeout]);
  try {
    const place = { runId: work.attempt.lease.runId, attempt: work.attempt.lease.attempt, stepKey };
    await work.hooks.onStep?.(place, input);
    const result = await action(input, { log: work.log, signal, step, outside: work.outside });
    work.hooks.onEffect?.(place);
    await failpoint("runner.after-effect");
    if (result.outcome === "failed") return await failStep(work, step, result.error);
    const output = work.masker.value(result.output);
    work.scope.steps[stepKey] = { output };
    await report(work, { type: "step.succeeded", stepKey, output });
    await failpoint("runner.after-event");
    work.log("INFO", "step succeeded", { step: stepKey }, step.stepRunId);
    return undefined;
  } catch (error) {
    if (work.stop.signal.aborted) return undefined;
    if (error instanceof StepFailedError) return failStep(work, step, error.error);
    if (timeout.aborted)
      return failStep(work, step, { ...refusal("STEP_TIMEOUT", "the step took too long"), retryable: true });
    return failStep(work, step, refusal("STEP_FAILED", error instanceof Error ? error.message : String(error)));
  }
}

async function failStep(work: Work, step: ClaimedStep, given: StepError): Promise<StepError> {
  // Masked before it is cut: the half of a secret would not be known again.
  const error = { ...given, message: cut(work.masker.text(given.message)) };
  work.log("ERROR", error.message, { code: error.code }, step.stepRunId);
  await report(work, { type: "step.failed", stepKey: step.stepKey, error });
  return error;
}

function cut(message: string): string {
  return message.length <= MESSAGE_LENGTH_MAX
    ? message
    : message.slice(0, MESSAGE_LENGTH_MAX).replace(/[\ud800-\udbff]$/, "");
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
