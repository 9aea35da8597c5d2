import type { Place } from "@control-plane/crypto";
import { AppError } from "@control-plane/service-kit/errors";
import type { SecretRule } from "./schemes/scheme.ts";

export type SecretColumn = "webhook_secret_cipher" | "webhook_secret_previous_cipher";

/** Where a trigger's secret is sealed for; it opens nowhere else. */
export function secretPlace(trigger: { tenantId: string; id: string }, column: SecretColumn): Place {
  return { tenantId: trigger.tenantId, table: "triggers", rowId: trigger.id, column };
}

/**
 * A trigger's next secret, given or made; undefined for a scheme without one. Throws `BAD_INPUT` for one that the scheme
 * cannot use, misses or has no use for.
 */
export function chooseSecret(rule: SecretRule, given: string | undefined): string | undefined {
  if (rule.kind === "none") {
    if (given !== undefined) throw badSecret("is of no use: this scheme takes what comes unsigned");
    return undefined;
  }
  if (given === undefined) {
    if (rule.kind === "senders") throw badSecret("must be given: the sender's own software makes it");
    return rule.make();
  }
  const problem = rule.problem(given);
  if (problem !== undefined) throw badSecret(problem);
  return given;
}

function badSecret(problem: string): AppError {
  return new AppError("BAD_INPUT", `the secret ${problem}`, {
    details: { issues: [{ path: "secret", message: problem }] },
  });
}
