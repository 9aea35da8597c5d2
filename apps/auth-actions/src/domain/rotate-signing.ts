import type { Envelope } from "@control-plane/crypto";
import { type Database, inTransaction, type Transaction, writeAudit } from "@control-plane/db";
import {
  insertSigningKey,
  type LiveKey,
  listLiveKeys,
  lockSigningKeys,
  type NewSigningKey,
  setKeyState,
} from "../store/signing-keys.ts";
import { makeSigningKey } from "./signing-keys.ts";

/** Every verifier has fetched the published keys anew by then: services every 30 s, Hasura after 60 s. */
export const PUBLISH_SECONDS = 5 * 60;
/** Every token of the old key has expired by then: 15 minutes, skew, and replicas that signed with it a little longer. */
export const RETIRE_SECONDS = 20 * 60;

export type RotationWaits = { publishSeconds: number; retireSeconds: number };

export type RotationStep =
  | { outcome: "published" | "promoted" | "retired"; kid: string }
  | { outcome: "early"; waitSeconds: number };

type RotationDeps = { db: Database; envelope: Envelope };

/**
 * The next step of a rotation, whatever the steps before were called by: publish a NEXT key; make it CURRENT and the old one
 * RETIRING; take the old one from the published keys. A step whose time has not come is not done.
 */
export async function rotateSigning(deps: RotationDeps, waits: RotationWaits): Promise<RotationStep> {
  const made = await makeUnless(deps, ["NEXT", "RETIRING"]);
  return inTransaction(deps.db, { source: "cli" }, async (tx) => {
    await lockSigningKeys(tx);
    const { next, current, retiring } = sortKeys(await listLiveKeys(tx));
    if (retiring.length > 0) {
      const waitSeconds = waits.retireSeconds - current.promotedSecondsAgo;
      if (waitSeconds > 0) return { outcome: "early", waitSeconds };
      for (const key of retiring) await move(tx, key, "RETIRED");
      return { outcome: "retired", kid: retiring[0]?.kid ?? "" };
    }
    if (next === undefined) {
      if (made === undefined) throw new Error("another rotation ended meanwhile; begin anew");
      await publish(tx, made);
      return { outcome: "published", kid: made.kid };
    }
    const waitSeconds = waits.publishSeconds - next.createdSecondsAgo;
    if (waitSeconds > 0) return { outcome: "early", waitSeconds };
    await move(tx, current, "RETIRING");
    await move(tx, next, "CURRENT");
    return { outcome: "promoted", kid: next.kid };
  });
}

/** For a key that leaked: a new one signs, and no other is published any more. Tokens of the others end with that. */
export async function replaceSigning(deps: RotationDeps): Promise<{ kid: string; retired: string[] }> {
  const made = await makeUnless(deps, ["NEXT"]);
  return inTransaction(deps.db, { source: "cli" }, async (tx) => {
    await lockSigningKeys(tx);
    const { next, current, retiring } = sortKeys(await listLiveKeys(tx));
    const others = [current, ...retiring];
    for (const key of others) await move(tx, key, "RETIRED");
    const successor = next ?? (made === undefined ? undefined : await publish(tx, made));
    if (successor === undefined) throw new Error("another rotation ended meanwhile; begin anew");
    await move(tx, successor, "CURRENT");
    return { kid: successor.kid, retired: others.map(({ kid }) => kid) };
  });
}

/** Making a key takes long, so it comes before the lock; one that nobody needs then is forgotten. */
async function makeUnless(
  { db, envelope }: RotationDeps,
  states: readonly LiveKey["state"][],
): Promise<NewSigningKey | undefined> {
  const keys = await listLiveKeys(db);
  return keys.some(({ state }) => states.includes(state)) ? undefined : makeSigningKey(envelope);
}

function sortKeys(keys: readonly LiveKey[]): { next: LiveKey | undefined; current: LiveKey; retiring: LiveKey[] } {
  const current = keys.find(({ state }) => state === "CURRENT");
  if (current === undefined)
    throw new Error("there is no current signing key; start auth-actions, which makes the first");
  return {
    current,
    next: keys.find(({ state }) => state === "NEXT"),
    retiring: keys.filter(({ state }) => state === "RETIRING"),
  };
}

async function publish(tx: Transaction, key: NewSigningKey): Promise<Pick<LiveKey, "id" | "kid" | "state">> {
  await insertSigningKey(tx, key, "NEXT");
  await recordMove(tx, key.id, null, "NEXT");
  return { id: key.id, kid: key.kid, state: "NEXT" };
}

async function move(
  tx: Transaction,
  key: Pick<LiveKey, "id" | "state">,
  to: "CURRENT" | "RETIRING" | "RETIRED",
): Promise<void> {
  if (!(await setKeyState(tx, key.id, key.state, to))) throw new Error("a signing key changed although it is locked");
  await recordMove(tx, key.id, key.state, to);
}

async function recordMove(tx: Transaction, id: string, from: string | null, to: string): Promise<void> {
  await writeAudit(tx, {
    tenantId: null,
    action: "signing_key.rotated",
    targetType: "signing_keys",
    targetId: id,
    changes: { state: { old: from, new: to } },
  });
}
