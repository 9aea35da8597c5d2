import { randomBytes } from "node:crypto";
import { uuidv7 } from "@control-plane/crypto";
import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError, parseInput } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { insertWebhookTrigger } from "../store/triggers.ts";
import { findScheme } from "./schemes/all.ts";
import type { SchemeName } from "./schemes/scheme.ts";
import { chooseSecret, secretPlace } from "./trigger-secret.ts";

export type WebhookTriggerRequest = {
  workflowId: string;
  name: string;
  scheme: SchemeName;
  signatureConfig: unknown;
  toleranceSeconds: number;
  secret: string | undefined;
  enabled: boolean;
};
export type CreatedTrigger = {
  triggerId: string;
  webhookPath: string;
  webhookUrl: string;
  /** Only one that was made here; it is never shown again. */
  secret: string | null;
};

/**
 * Makes a webhook address for a workflow. Throws `NOT_FOUND` (workflow), `BAD_INPUT` (a configuration that does not fit the
 * scheme; a secret it cannot use, misses or has no use for).
 */
export async function createWebhookTrigger(
  deps: Pick<Deps, "db" | "envelope" | "hooksPublicUrl">,
  caller: Caller,
  request: WebhookTriggerRequest,
): Promise<CreatedTrigger> {
  const scheme = findScheme(request.scheme);
  if (scheme === undefined) throw new AppError("BAD_INPUT", "this scheme is not supported");
  const { signatureConfig: config } = parseInput(z.object({ signatureConfig: scheme.configSchema }), request);
  const secret = chooseSecret(scheme.secret, request.secret);
  const triggerId = uuidv7();
  const webhookPath = randomBytes(16).toString("base64url");
  const place = secretPlace({ tenantId: caller.tenantId, id: triggerId }, "webhook_secret_cipher");
  const sealed = secret === undefined ? undefined : await deps.envelope.seal(place, Buffer.from(secret, "utf8"));
  await inTransaction(deps.db, memberActor("webhook-gateway", caller), async (tx) => {
    const inserted = await insertWebhookTrigger(tx, {
      id: triggerId,
      tenantId: caller.tenantId,
      workflowId: request.workflowId,
      name: request.name,
      enabled: request.enabled,
      webhookPath,
      scheme: scheme.name,
      config,
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
    secret: request.secret === undefined ? (secret ?? null) : null,
  };
}
