import { randomBytes } from "node:crypto";
import { uuidv7 } from "@control-plane/crypto";
import { inTransaction } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { insertWebhookTrigger } from "../store/triggers.ts";
import { findScheme } from "./schemes/all.ts";
import type { Scheme } from "./schemes/scheme.ts";

export type WebhookTriggerRequest = {
  workflowId: string;
  name: string;
  scheme: Scheme["name"];
  toleranceSeconds: number;
  secret: string | undefined;
  enabled: boolean;
};
export type CreatedTrigger = {
  triggerId: string;
  webhookPath: string;
  webhookUrl: string /** Only one that was made here; it is never shown again. */;
  secret: string | null;
};

/** Makes a webhook address for a workflow. Throws `NOT_FOUND` (workflow), `BAD_INPUT` (a secret the scheme cannot use). */
export async function createWebhookTrigger(
  deps: Pick<Deps, "db" | "envelope" | "hooksPublicUrl">,
  caller: Caller,
  request: WebhookTriggerRequest,
): Promise<CreatedTrigger> {
  const scheme = findScheme(request.scheme);
  if (scheme === undefined) throw new AppError("BAD_INPUT", "this scheme is not supported");
  const problem = request.secret === undefined ? undefined : scheme.secretProblem(request.secret);
  if (problem !== undefined)
    throw new AppError("BAD_INPUT", `the secret ${problem}`, {
      details: { issues: [{ path: "secret", message: problem }] },
    });
  const secret = request.secret ?? scheme.makeSecret();
  const triggerId = uuidv7();
  const webhookPath = randomBytes(16).toString("base64url");
  const sealed = await deps.envelope.seal(
    { tenantId: caller.tenantId, table: "triggers", rowId: triggerId, column: "webhook_secret_cipher" },
    Buffer.from(secret, "utf8"),
  );
  const actor = {
    source: "webhook-gateway",
    userId: caller.userId,
    tenantId: caller.tenantId,
    role: caller.role,
    requestId: caller.requestId,
  } as const;
  await inTransaction(deps.db, actor, async (tx) => {
    const inserted = await insertWebhookTrigger(tx, {
      id: triggerId,
      tenantId: caller.tenantId,
      workflowId: request.workflowId,
      name: request.name,
      enabled: request.enabled,
      webhookPath,
      scheme: scheme.name,
      toleranceSeconds: request.toleranceSeconds,
      secret: sealed,
      createdBy: caller.userId,
    });
    if (!inserted) throw new AppError("NOT_FOUND", "there is no such workflow");
  });
  return {
    triggerId,
    webhookPath,
    webhookUrl: `${deps.hooksPublicUrl}/hooks/${webhookPath}`,
    secret: request.secret === undefined ? secret : null,
  };
}
