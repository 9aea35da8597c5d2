import { setTimeout as delay } from "node:timers/promises";
import type { Figures } from "../generators/job.ts";
import { steady } from "../generators/steady.ts";
import { gatewaySide } from "../hook-sides.ts";
import { sampled } from "../resident-memory.ts";
import type { BarResult } from "../rounds.ts";
import { signWebhooks } from "../signed-webhooks.ts";
import { judgeLimit, medianOf, type Window } from "../verdict.ts";
import { ANSWER_BEGINS, faultsOf, type HookBarOptions, onFreshStores, signFiles } from "./hook-bars.ts";

const STEADY_SIGNED_SHARE = 0.5;

/** Latency at a constant rate of half of what the gateway takes at most; the median of the rounds counts. */
export async function latencyBar(options: HookBarOptions): Promise<BarResult> {
  const ours = gatewaySide(options.sides);
  const files = signFiles(options);
  const calm = signWebhooks(options.databases.hook, "steady", options.signed.measured * STEADY_SIGNED_SHARE);
  const rounds: Window[] = [];
  const voided: string[] = [];
  for (let index = 0; index < options.rounds && voided.length === 0; index++) {
    const window = await onFreshStores(ours, options, async ({ url, countRows }): Promise<Window> => {
      const job = { url, connections: options.connections.most, answerBegins: ANSWER_BEGINS };
      const seconds = options.pace.measuredSeconds;
      const { generator, pace } = options;
      const warmUp = await generator.measure({ ...job, seconds: pace.warmUpSeconds, requestsFile: files.warmUp });
      const most = await generator.measure({ ...job, seconds, requestsFile: files.measured });
      const requestsPerSecond = most.requestsPerSecond / 2;
      const half = { ...job, connections: options.connections.steady, seconds, requestsFile: calm, requestsPerSecond };
      const figures = await steady.measure(half);
      const kept = figures.requestsPerSecond / requestsPerSecond;
      const late = kept < RATE_KEPT_MIN ? [`only ${(kept * 100).toFixed(0)} % of the wanted rate were sent`] : [];
      const faults = faultsOf([warmUp, most, figures], job, await countRows());
      return { side: ours.name, ...figures, faults: [...faults, ...late] };
    });
    rounds.push(window);
    voided.push(...window.faults);
    const { requestsPerSecond, p50, p99 } = window;
    options.log(
      `P4 round ${index + 1}/${options.rounds}: ${requestsPerSecond.toFixed(0)}/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
  }
  const limits = [
    judgeLimit({ name: "p50", value: medianOf(rounds.map(({ p50 }) => p50)), max: 10, unit: "ms" }),
    judgeLimit({ name: "p99", value: medianOf(rounds.map(({ p99 }) => p99)), max: 50, unit: "ms" }),
  ];
  return {
    id: "P4",
    title: "webhook intake at half of its maximum",
    ours: ours.name,
    rounds: rounds.map((window) => [window]),
    ratios: [],
    limits: voided.length > 0 ? [] : limits,
    voided,
    skipped: [],
  };
}

const RATE_KEPT_MIN = 0.95;

/** The process may hold what it needs for a load; it may not hold more of it the longer the load lasts. */
const AFTER_MS = 2_000;

/** Memory under 200,000 webhooks, a step at a time. */
export async function memoryBar(options: HookBarOptions): Promise<BarResult> {
  const ours = gatewaySide(options.sides);
  const { steps } = options;
  const perStep = (options.signed.warmUp + options.signed.measured) / steps;
  const files = Array.from({ length: steps }, (_, index) =>
    signWebhooks(options.databases.hook, `step-${index}`, perStep),
  );
  return onFreshStores(ours, options, async ({ url, countRows, processId }) => {
    const samples: (readonly number[])[] = [];
    const windows: Figures[] = [];
    for (const requestsFile of files) {
      const job = {
        url,
        connections: options.connections.most,
        answerBegins: ANSWER_BEGINS,
        seconds: 600,
        requestsFile,
      };
      const step = await sampled(processId, steady.measure(job));
      samples.push(step.megabytes);
      windows.push(step.result);
    }
    samples.push((await sampled(processId, delay(AFTER_MS))).megabytes);
    const voided = faultsOf(windows, { connections: 0 }, await countRows());
    const means = samples.slice(0, steps).map(meanOf);
    const slope = (slopeOf(means.slice(steps / 2)) * 10_000) / perStep;
    const most = Math.max(...samples.flat());
    options.log(`P13: ${means.map((mean) => mean.toFixed(0)).join(" ")} MB`);
    const limits = [
      judgeLimit({ name: "resident memory", value: most, max: 180, unit: "MB" }),
      judgeLimit({ name: "growth in 10,000 webhooks", value: slope, max: 1, unit: "MB" }),
    ];
    return {
      id: "P13",
      title: "memory of the webhook intake during and after 200,000 webhooks",
      ours: ours.name,
      rounds: windows.map((figures) => [{ side: ours.name, ...figures, faults: [] }]),
      ratios: [],
      limits: voided.length > 0 ? [] : limits,
      voided,
      skipped: [],
    };
  });
}

/** By least squares, in units of `values` for each step. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = meanOf(values);
  const products = values.map((value, index) => (index - middle) * (value - mean));
  const squares = values.map((_, index) => (index - middle) ** 2);
  return sum(products) / sum(squares);
}

function meanOf(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
