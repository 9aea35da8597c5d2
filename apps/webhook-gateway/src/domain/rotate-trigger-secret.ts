import { setTimeout as delay } from "node:timers/promises";
import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { findWebhookTrigger, replaceSecret, type TriggerSigning } from "../store/triggers.ts";
import { findScheme } from "./schemes/all.ts";
import { LOOKUP_FRESH_MS } from "./trigger-lookup.ts";
import { chooseSecret, type SecretColumn, secretPlace } from "./trigger-secret.ts";

export type SecretRotation = {
  triggerId: string;
  /** How long the present secret verifies beside the next one; 0 = no longer. */
  graceSeconds: number;
  secret: string | undefined;
};
export type RotatedSecret = {
  triggerId: string;
  /** Only one that was made here; it is never shown again. */
  secret: string | null;
  previousExpiresAt: string | null;
};

/** Rotations that meet follow one another; more of them at a moment than this are no accident. */
const TRIES_MAX = 5;
/** What no replica can know the trigger from any more: its look-ups, and the inexactness of timers. */
const UNTIL_EVERYWHERE_MS = LOOKUP_FRESH_MS + 50;

/**
 * Gives a trigger its next secret. The present one verifies until the end of the grace, an older one no longer. It answers
 * when no replica holds an older look-up of the trigger: whoever hears the next secret may sign with it at once, wherever.
 * Throws `NOT_FOUND` (trigger), `BAD_INPUT` (a secret that does not fit; a scheme without one), `CONFLICT` (the secret is
 * being changed by others all the time).
 */
export async function rotateTriggerSecret(
  deps: Pick<Deps, "db" | "envelope" | "readSecrets">,
  caller: Caller,
  request: SecretRotation,
): Promise<RotatedSecret> {
  const rotated = await writeNextSecret(deps, caller, request);
  await delay(UNTIL_EVERYWHERE_MS);
  return rotated;
}

async function writeNextSecret(
  deps: Pick<Deps, "db" | "envelope" | "readSecrets">,
  caller: Caller,
  { triggerId, graceSeconds, secret: given }: SecretRotation,
): Promise<RotatedSecret> {
  let secret: string | undefined;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const trigger = await findWebhookTrigger(deps.db, caller.tenantId, triggerId);
    if (trigger === undefined) throw new AppError("NOT_FOUND", "there is no such webhook trigger");
    const rule = findScheme(trigger.scheme)?.secret;
    secret ??= rule === undefined ? undefined : chooseSecret(rule, given);
    if (secret === undefined) throw new AppError("BAD_INPUT", "this trigger's scheme has no secret");
    const replaced = await replacePresent(deps, caller, trigger, { secret, graceSeconds });
    if (replaced === undefined) continue;
    const previousExpiresAt = replaced.previousExpiresAt?.toISOString() ?? null;
    return { triggerId, secret: given === undefined ? secret : null, previousExpiresAt };
  }
  throw new AppError("CONFLICT", "the secret is being changed by somebody else; try again");
}

/** Undefined when the trigger's secret is no longer the one that was read. */
async function replacePresent(
  deps: Pick<Deps, "db" | "envelope" | "readSecrets">,
  caller: Caller,
  trigger: TriggerSigning,
  { secret, graceSeconds }: { secret: string; graceSeconds: number },
): Promise<{ previousExpiresAt: Date | null } | undefined> {
  const seal = (column: SecretColumn, text: string) =>
    deps.envelope.seal(secretPlace(trigger, column), Buffer.from(text, "utf8"));
  const live = await deps.readSecrets(trigger, Date.now() / 1000);
  // A secret that does not open verified nothing: there is nothing to go on with.
  const present = graceSeconds === 0 ? undefined : live.find(({ label }) => label === "CURRENT");
  const next = await seal("webhook_secret_cipher", secret);
  const previous = present === undefined ? undefined : await seal("webhook_secret_previous_cipher", present.value);
  return inTransaction(deps.db, memberActor("webhook-gateway", caller), (tx) =>
    replaceSecret(tx, trigger, { next, previous, graceSeconds }),
  );
}
