import type { HolderRules } from "../session/holder.ts";
import type { EngineSettings } from "../settings.ts";
import { type ByteShares, createByteShares } from "../shares/byte-shares.ts";
import { type CountShares, createCountShares } from "../shares/count-shares.ts";
import { createFairGate, type FairGate } from "../shares/fair-gate.ts";

/** What HTTP and sockets share between the tenants and users that ask. */
export type EdgeShares = {
  readonly rules: HolderRules;
  /** Requests and operations in work. */
  readonly requests: FairGate;
  /** Of large answers that are not taken yet. */
  readonly unsent: ByteShares;
  /** Of messages whose operations run on sockets. */
  readonly operations: ByteShares;
  readonly sockets: CountShares;
  /** Of what one holder's sockets have been sent and not read. */
  readonly unreadBytes: { readonly total: number; readonly each: number };
  readonly answerTakenWithinMs: number;
};

const MEBIBYTE = 1024 * 1024;
/** A few ordinary documents, or one dear one. */
const TURN_MS = 2;
/** Of messages whose operations run on sockets. */
const OPERATIONS_BYTES = { total: 64 * MEBIBYTE, each: 16 * MEBIBYTE } as const;

export function createEdgeShares(
  settings: Pick<EngineSettings, "shareLimits" | "sharedBy" | "unauthorizedRole">,
): EdgeShares {
  const { requests, requestsEach, waitingEach, unsentBytes, unsentBytesEach, socketsEach, answerTakenWithinMs } =
    settings.shareLimits;
  return {
    rules: settings,
    requests: createFairGate({
      what: "requests",
      total: requests,
      each: requestsEach,
      waitingEach,
      turnMs: TURN_MS,
    }),
    unsent: createByteShares({ total: unsentBytes, each: unsentBytesEach }),
    operations: createByteShares(OPERATIONS_BYTES),
    sockets: createCountShares(socketsEach),
    unreadBytes: { total: unsentBytes, each: unsentBytesEach },
    answerTakenWithinMs,
  };
}
