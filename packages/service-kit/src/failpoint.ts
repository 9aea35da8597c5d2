import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Every place at which a service can be told to die, stop, fail or dawdle. docs/faults.md says where each one stands. */
export const FAILPOINT_NAMES = [
  "gateway.after-verify",
  "gateway.before-batch",
  "gateway.after-insert",
  "gateway.after-reply",
  "dispatch.after-select",
  "dispatch.after-commit",
  "dispatch.after-add",
  "claim.after-commit",
  "events.in-transaction",
  "events.after-commit",
  "run-events.after-apply",
  "sweep.after-lease-check",
  "schedule.after-insert",
  "mail.after-send",
  "keys.between-rows",
  "accept.after-take",
  "runner.before-claim",
  "runner.mid-step",
  "runner.after-effect",
  "runner.after-event",
] as const;

export type FailpointName = (typeof FAILPOINT_NAMES)[number];

type Deed = { kind: "kill" } | { kind: "hang" } | { kind: "throw" } | { kind: "delay"; ms: number };
/** On every pass, on the n-th alone, or by chance. */
type Occasion = { kind: "every" } | { kind: "nth"; pass: number } | { kind: "chance"; probability: number };
export type ArmedFailpoint = { name: FailpointName; deed: Deed; occasion: Occasion };

const ENTRY = /^([a-z.-]+):(?:(kill|hang|throw)|delay=(\d{1,6}))(?:@(?:(\d{1,9})|p(0?\.\d+|1)))?$/;

/**
 * Reads what the setting FAILPOINTS holds, for example `gateway.after-insert:kill@3,claim.after-commit:delay=500@p0.01`.
 * @returns a text that names the entry nobody can read
 */
export function parseFailpoints(text: string): ArmedFailpoint[] | string {
  const armed: ArmedFailpoint[] = [];
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const [, named, kind, ms, pass, probability] = ENTRY.exec(entry) ?? [];
    const name = FAILPOINT_NAMES.find((known) => known === named);
    if (name === undefined)
      return `${entry} is not <name>:kill|hang|throw|delay=<ms> with an optional @<n> or @p<chance>`;
    armed.push({ name, deed: deedOf(kind, ms), occasion: occasionOf(pass, probability) });
  }
  return armed;
}

function deedOf(kind: string | undefined, ms: string | undefined): Deed {
  return kind === "kill" || kind === "hang" || kind === "throw" ? { kind } : { kind: "delay", ms: Number(ms) };
}

function occasionOf(pass: string | undefined, probability: string | undefined): Occasion {
  if (pass !== undefined) return { kind: "nth", pass: Number(pass) };
  return probability === undefined ? { kind: "every" } : { kind: "chance", probability: Number(probability) };
}

type Watched = ArmedFailpoint & { passes: number };
let watched: readonly Watched[] | undefined;

/** From now on the failpoints do what they are told to; none given makes all of them inert again. */
export function armFailpoints(armed: readonly ArmedFailpoint[]): void {
  watched = armed.length === 0 ? undefined : armed.map((failpoint) => ({ ...failpoint, passes: 0 }));
}

/**
 * Marks a place in the code; to be awaited. Does nothing, and costs a comparison, unless the setting FAILPOINTS names it.
 * What takes effect is told to standard error first, so that a fault test knows that the place was reached.
 */
export function failpoint(name: FailpointName): Promise<void> | undefined {
  return watched === undefined ? undefined : pass(watched, name);
}

async function pass(all: readonly Watched[], name: FailpointName): Promise<void> {
  for (const failpoint of all) {
    if (failpoint.name !== name) continue;
    failpoint.passes += 1;
    if (isDue(failpoint)) await act(failpoint);
  }
}

function isDue({ occasion, passes }: Watched): boolean {
  switch (occasion.kind) {
    case "every":
      return true;
    case "nth":
      return occasion.pass === passes;
    case "chance":
      return Math.random() < occasion.probability;
    default:
      return occasion satisfies never;
  }
}

async function act({ name, deed, passes }: Watched): Promise<void> {
  // Not through the logger: its lines may still be in memory when the process is gone.
  writeSync(2, `${JSON.stringify({ failpoint: name, deed: deed.kind, pass: passes })}\n`);
  switch (deed.kind) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => {});
    case "hang":
      return new Promise(() => {});
    case "throw":
      throw new Error(`failpoint ${name}`);
    case "delay":
      await delay(deed.ms);
      return;
    default:
      return deed satisfies never;
  }
}
