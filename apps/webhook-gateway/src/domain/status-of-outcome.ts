import { ERROR_CODES } from "@control-plane/service-kit/errors";
import type { WebhookOutcome } from "./intake.ts";

/** The HTTP status of each outcome. */
export const STATUS_OF_OUTCOME = {
  accepted: 202,
  duplicate: 200,
  conflict: ERROR_CODES.DEDUPE_KEY_CONFLICT.status,
  unstorable: ERROR_CODES.BODY_NOT_STORABLE.status,
  "not-verified": ERROR_CODES.SIGNATURE_INVALID.status,
} as const satisfies Record<WebhookOutcome["outcome"], number>;
