import { setTimeout as wait } from "node:timers/promises";
import type { Credential } from "@control-plane/egress";
import { z } from "zod";
import type { AttemptMasker } from "./masking.ts";
import type { Lease } from "./runner-api.ts";
import { StepFailedError } from "./step-failed-error.ts";

export type Credentials = {
  /** Fetched when first asked for, and anew when expired; repeated until `signal` aborts while nobody answers. */
  get(connectionId: string, signal: AbortSignal): Promise<Credential>;
};

const AGAIN_AFTER_MS = 500;
const UNAVAILABLE = "CREDENTIAL_UNAVAILABLE";
const FINAL_STAGES: readonly unknown[] = ["DECRYPT"];
const FINAL_CAUSES: readonly unknown[] = ["AUTH_REJECTED", "DECRYPT_FAILED", "TOKEN_REJECTED"];

const texts = z.record(z.string(), z.string());
const replySchema = z.looseObject({
  headers: texts,
  query: texts,
  allowedHosts: z.array(z.string()),
  expiresAt: z.iso.datetime({ offset: true }).nullable(),
});
const refusalSchema = z.looseObject({
  extensions: z.looseObject({ code: z.string(), stage: z.string().optional(), cause: z.string().optional() }),
});

/** Of one attempt, in memory only. @param onStale the attempt may not read credentials any more */
export function createCredentials(url: string, lease: Lease, masker: AttemptMasker, onStale: () => void): Credentials {
  const known = new Map<string, { credential: Credential; expiresAt: number }>();
  return {
    async get(connectionId, signal) {
      const kept = known.get(connectionId);
      if (kept !== undefined && Date.now() < kept.expiresAt) return kept.credential;
      const { headers, query, allowedHosts, expiresAt } = await fetchPatiently(
        url,
        lease,
        connectionId,
        signal,
        onStale,
      );
      const credential = { headers, query, allowedHosts };
      masker.hide(secretsOf(credential));
      known.set(connectionId, { credential, expiresAt: expiresAt === null ? Infinity : Date.parse(expiresAt) });
      return credential;
    },
  };
}

async function fetchPatiently(
  url: string,
  lease: Lease,
  connectionId: string,
  signal: AbortSignal,
  onStale: () => void,
): Promise<z.infer<typeof replySchema>> {
  for (;;) {
    const answer = await post(url, lease, connectionId, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (answer?.status === 200) return fitting(answer.body);
    if (answer !== undefined && isFinal(answer.status)) throw refused(answer, onStale);
    await wait(AGAIN_AFTER_MS, undefined, { signal });
  }
}

function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

async function post(url: string, lease: Lease, connectionId: string, signal: AbortSignal) {
  const response = await fetch(url, {
    method: "POST",
    // The lease token goes where the claim says and nowhere else.
    redirect: "error",
    headers: { "content-type": "application/json", authorization: `Bearer ${lease.leaseToken}` },
    body: JSON.stringify({ attempt: lease.attempt, connectionId }),
    signal,
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

function fitting(body: unknown): z.infer<typeof replySchema> {
  const parsed = replySchema.safeParse(body);
  if (!parsed.success) throw new StepFailedError(UNAVAILABLE, "the credential does not fit the contract");
  return parsed.data;
}

function refused(answer: { status: number; body: unknown }, onStale: () => void): StepFailedError {
  const { code, stage, cause } = refusalSchema.safeParse(answer.body).data?.extensions ?? { code: "" };
  if (code === "STALE_ATTEMPT" || answer.status === 401) {
    onStale();
    return new StepFailedError("STALE_ATTEMPT", "the attempt is no longer ours");
  }
  if (code !== UNAVAILABLE) return new StepFailedError(UNAVAILABLE, `the credential was refused with ${code}`);
  const retryable = !FINAL_STAGES.includes(stage) && !FINAL_CAUSES.includes(cause);
  return new StepFailedError(UNAVAILABLE, `the credential is not available: ${stage} ${cause}`, { retryable });
}

/** What must not be seen: each value, what follows a scheme like Bearer, and what Basic packs. */
function secretsOf(credential: Credential): string[] {
  return [...Object.values(credential.headers), ...Object.values(credential.query)].flatMap((value) => {
    const [, scheme = "", rest = ""] = /^(\S*) (.+)$/.exec(value) ?? [];
    if (rest === "") return [value];
    if (scheme.toLowerCase() !== "basic") return [value, rest];
    const pair = Buffer.from(rest, "base64").toString("utf8");
    return [value, rest, pair, pair.slice(pair.indexOf(":") + 1)];
  });
}
