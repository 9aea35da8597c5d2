import { isDeepStrictEqual } from "node:util";
import {
  type ClaimReply,
  claimRequestSchema,
  credentialsRequestSchema,
  eventsRequestSchema,
  heartbeatRequestSchema,
  type RunEvent,
} from "@control-plane/queue";
import { readJson } from "@control-plane/service-kit/read-json";
import type { z } from "zod";
import type { DoubleBehaviour, RecordedRequest } from "../http-double.ts";
import { leaseExpiry } from "./claim-reply.ts";
import type { Scenario } from "./scenario.ts";

/** The run of one scenario as the orchestrator knows it. */
export type PlayedRun = {
  readonly applied: readonly RunEvent[];
  /** Bodies of all calls of the runner, whatever became of them. */
  readonly bodies: readonly string[];
  readonly credentialFetches: Readonly<Record<string, number>>;
  /** Broken rules that hold in every scenario. */
  readonly problems: readonly string[];
  answer(call: string, request: RecordedRequest): DoubleBehaviour;
};

type State = {
  scenario: Scenario;
  claim: ClaimReply;
  runnerToken: string;
  status: "QUEUED" | "RUNNING" | "CANCELLING" | "ENDED";
  applied: RunEvent[];
  bodies: string[];
  credentialFetches: Record<string, number>;
  problems: Set<string>;
  faultsShown: Set<Scenario["faults"][number]>;
  isStale: boolean;
  /** Numbers of events whose answer was lost and that have not come again. */
  unanswered: Set<number>;
};

const FINAL_STATUS = { "run.succeeded": "SUCCEEDED", "run.failed": "FAILED", "run.cancelled": "CANCELLED" } as const;

export function createPlayedRun(scenario: Scenario, claim: ClaimReply, runnerToken: string): PlayedRun {
  const state: State = {
    scenario,
    claim,
    runnerToken,
    status: "QUEUED",
    applied: [],
    bodies: [],
    credentialFetches: {},
    problems: new Set(),
    faultsShown: new Set(),
    isStale: false,
    unanswered: new Set(),
  };
  return {
    applied: state.applied,
    bodies: state.bodies,
    credentialFetches: state.credentialFetches,
    get problems() {
      const forgotten = [...state.unanswered].map((seq) => `event ${seq} was not sent again after its answer was lost`);
      return [...state.problems, ...forgotten];
    },
    answer: (call, request) => answer(state, call, request),
  };
}

function answer(state: State, call: string, request: RecordedRequest): DoubleBehaviour {
  state.bodies.push(request.body);
  if (state.isStale) state.problems.add(`${call} was called after STALE_ATTEMPT`);
  const fault = nextFault(state, call);
  switch (fault) {
    case "UNAVAILABLE":
      return refusal(503, "UNAVAILABLE");
    case "STALE_ATTEMPT":
      state.isStale = true;
      return refusal(409, "STALE_ATTEMPT");
    case "LOSE_ANSWER":
      serve(state, call, request);
      if (call === "events") state.unanswered = new Set(state.applied.map(({ seq }) => seq));
      return "drop";
    case "REQUEST_CANCEL":
      if (state.status === "RUNNING") state.status = "CANCELLING";
      return serve(state, call, request);
    default:
      return serve(state, call, request);
  }
}

function nextFault(state: State, call: string) {
  const fault = state.scenario.faults.find(
    (each) =>
      each.call === call &&
      !state.faultsShown.has(each) &&
      (each.after === undefined || state.applied.some(({ type }) => type === each.after)),
  );
  if (fault !== undefined) state.faultsShown.add(fault);
  return fault?.does;
}

function serve(state: State, call: string, request: RecordedRequest): DoubleBehaviour {
  const bearer = call === "claim" ? state.runnerToken : state.claim.leaseToken;
  if (request.headers["authorization"] !== `Bearer ${bearer}`) {
    state.problems.add(`${call} came without its token`);
    return refusal(401, "UNAUTHENTICATED");
  }
  if (request.method !== "POST") state.problems.add(`${call} came as ${request.method}`);
  switch (call) {
    case "claim":
      return serveClaim(state, request);
    case "heartbeat":
      return serveHeartbeat(state, request);
    case "events":
      return serveEvents(state, request);
    case "credentials":
      return serveCredentials(state, request);
    default:
      state.problems.add(`${call} is not a call of the runner API`);
      return refusal(404, "NOT_FOUND");
  }
}

function serveClaim(state: State, request: RecordedRequest): DoubleBehaviour {
  const body = fitting(state, "claim", claimRequestSchema, request);
  if (body === undefined) return refusal(400, "BAD_INPUT");
  if (state.status !== "QUEUED") return refusal(409, "STALE_ATTEMPT");
  state.status = "RUNNING";
  return { body: state.claim };
}

function serveHeartbeat(state: State, request: RecordedRequest): DoubleBehaviour {
  if (fitting(state, "heartbeat", heartbeatRequestSchema, request) === undefined) return refusal(400, "BAD_INPUT");
  if (state.status === "ENDED") return refusal(409, "STALE_ATTEMPT");
  return {
    body: {
      leaseExpiresAt: leaseExpiry(),
      deadlineAt: state.claim.deadlineAt,
      appliedSeq: state.applied.length,
      cancelRequested: state.status === "CANCELLING",
    },
  };
}

function serveEvents(state: State, request: RecordedRequest): DoubleBehaviour {
  const body = fitting(state, "events", eventsRequestSchema, request);
  if (body === undefined) return refusal(400, "BAD_INPUT");
  for (const [index, event] of body.events.entries()) {
    const reason = apply(state, event);
    if (reason === undefined) continue;
    state.problems.add(`event ${event.seq} (${event.type}): ${reason}`);
    return refusal(422, "EVENT_INVALID", { index, reason });
  }
  const last = state.applied.at(-1)?.type;
  const final = Object.entries(FINAL_STATUS).find(([type]) => type === last)?.[1];
  return {
    body: {
      appliedSeq: state.applied.length,
      status: final ?? state.status,
      cancelRequested: state.status === "CANCELLING",
      leaseExpiresAt: final === undefined ? leaseExpiry() : null,
    },
  };
}

/** @returns why the event cannot be applied */
function apply(state: State, event: RunEvent): string | undefined {
  const known = state.applied[event.seq - 1];
  state.unanswered.delete(event.seq);
  if (known !== undefined) return isDeepStrictEqual(known, event) ? undefined : "sent again with another content";
  if (event.seq !== state.applied.length + 1) return `the next number is ${state.applied.length + 1}`;
  if (state.status === "ENDED") return "comes after the event that ended the run";
  if (event.type === "run.cancelled" && state.status !== "CANCELLING") return "no cancel was requested";
  state.applied.push(event);
  if (event.type in FINAL_STATUS) state.status = "ENDED";
  return undefined;
}

function serveCredentials(state: State, request: RecordedRequest): DoubleBehaviour {
  const body = fitting(state, "credentials", credentialsRequestSchema, request);
  if (body === undefined) return refusal(400, "BAD_INPUT");
  const answers = state.scenario.credentials[body.connectionId];
  const count = state.credentialFetches[body.connectionId] ?? 0;
  state.credentialFetches[body.connectionId] = count + 1;
  return answers?.[Math.min(count, answers.length - 1)] ?? refusal(404, "NOT_FOUND");
}

function fitting<T extends { attempt: number }>(
  state: State,
  call: string,
  schema: z.ZodType<T>,
  request: RecordedRequest,
): T | undefined {
  const parsed = schema.safeParse(jsonOf(request.body));
  if (!parsed.success) {
    state.problems.add(`the body of ${call} does not fit the contract: ${parsed.error.message}`);
    return undefined;
  }
  if (parsed.data.attempt !== state.claim.bundle.run.attempt) state.problems.add(`${call} names another attempt`);
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, code: string, more: Record<string, unknown> = {}): DoubleBehaviour {
  return { status, body: { message: "refused", extensions: { code, requestId: "conformance", ...more } } };
}
