import { readJson } from "@control-plane/service-kit/read-json";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type Claim, claimSchema, type NumberedEvent, type Report, reportSchema } from "./claim.ts";

export type ApiAnswer = { status: number; body: unknown };
export type Transport = (path: string, bearer: string | undefined, body: unknown) => Promise<ApiAnswer>;

/** A call the orchestrator answered with something other than 2xx. */
export type Refused = { outcome: "refused"; status: number; code: string; body: unknown };

export type RunnerApi = {
  claim(runId: string, attempt: number, runnerId: string): Promise<{ outcome: "claimed"; claim: Claim } | Refused>;
  heartbeat(lease: Lease): Promise<({ outcome: "accepted" } & Report) | Refused>;
  report(lease: Lease, events: readonly NumberedEvent[]): Promise<({ outcome: "accepted" } & Report) | Refused>;
};

/** What every call after the claim is made with. */
export type Lease = { runId: string; attempt: number; leaseToken: string };

const refusalBody = z.looseObject({ extensions: z.looseObject({ code: z.string() }) });

/** Over HTTP, to a running orchestrator. */
export function httpTransport(baseUrl: string): Transport {
  return async (path, bearer, body) => {
    const response = await fetch(new URL(path, baseUrl), {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization(bearer) },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : readJson(text) };
  };
}

/** Into a Fastify server that does not listen. */
export function injectTransport(server: FastifyInstance): Transport {
  return async (path, bearer, body) => {
    const response = await server.inject({
      method: "POST",
      url: path,
      headers: { "content-type": "application/json", ...authorization(bearer) },
      payload: JSON.stringify(body),
    });
    return { status: response.statusCode, body: response.body === "" ? null : readJson(response.body) };
  };
}

function authorization(bearer: string | undefined): Record<string, string> {
  return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
}

/** The three calls of `/runner/v1`. @param runnerToken opens `claim`; the others use the lease token */
export function createRunnerApi(transport: Transport, runnerToken: string | undefined): RunnerApi {
  const path = (runId: string, call: string) => `/runner/v1/runs/${runId}/${call}`;
  const report = async (lease: Lease, call: string, body: unknown) => {
    const answer = await transport(path(lease.runId, call), lease.leaseToken, body);
    if (answer.status !== 200) return refused(answer);
    return { outcome: "accepted" as const, ...reportSchema.parse(answer.body) };
  };
  return {
    async claim(runId, attempt, runnerId) {
      const answer = await transport(path(runId, "claim"), runnerToken, { contractVersion: 1, attempt, runnerId });
      if (answer.status !== 200) return refused(answer);
      return { outcome: "claimed", claim: claimSchema.parse(answer.body) };
    },
    heartbeat: (lease) => report(lease, "heartbeat", { attempt: lease.attempt }),
    report: (lease, events) => report(lease, "events", { contractVersion: 1, attempt: lease.attempt, events }),
  };
}

function refused(answer: ApiAnswer): Refused {
  const parsed = refusalBody.safeParse(answer.body);
  return {
    outcome: "refused",
    status: answer.status,
    code: parsed.success ? parsed.data.extensions.code : "",
    body: answer.body,
  };
}
