import { type ClaimReply, claimRequestSchema } from "@control-plane/queue";
import { isStorableText, parseInput } from "@control-plane/service-kit";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { FastifyInstance } from "fastify";
import type { Deps } from "../../deps.ts";
import { namedAttempt, type RunParams, requireRunnerToken, staleAttempt } from "./runner-request.ts";

const claimBodySchema = claimRequestSchema.refine(({ runnerId }) => isStorableText(runnerId), {
  path: ["runnerId"],
  error: "cannot be stored",
});

type ClaimDeps = Pick<
  Deps,
  "claims" | "dispatchSignal" | "dispatchWindow" | "heartbeatSeconds" | "authActionsUrl" | "runnerTokens" | "log"
>;

/** A runner takes an attempt and is given everything it needs to work on it. */
export function registerClaimRoute(server: FastifyInstance, deps: ClaimDeps): void {
  server.post<RunParams>(
    "/runner/v1/runs/:runId/claim",
    { onRequest: async (request) => requireRunnerToken(request, deps.runnerTokens) },
    async (request): Promise<ClaimReply> => {
      const { attempt, runnerId } = parseInput(claimBodySchema, request.body);
      const outcome = await deps.claims.submit({ ...namedAttempt(request, attempt), runnerId });
      if (outcome.outcome === "failed") throw outcome.error;
      if (outcome.outcome === "refused") throw staleAttempt();
      const { claimed } = outcome;
      await failpoint("claim.after-commit");
      if (deps.dispatchWindow.isFull()) deps.dispatchSignal.wake();
      const { run } = claimed.bundle;
      deps.log.info({ runId: run.id, tenantId: run.tenantId, attempt }, "run claimed");
      return {
        leaseToken: claimed.leaseToken,
        leaseExpiresAt: claimed.leaseExpiresAt.toISOString(),
        heartbeatSeconds: deps.heartbeatSeconds,
        deadlineAt: claimed.deadlineAt.toISOString(),
        credentialsUrl: `${deps.authActionsUrl}/runner/v1/runs/${run.id}/credentials`,
        bundle: claimed.bundle,
      };
    },
  );
}
