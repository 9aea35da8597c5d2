import { type Envelope, EnvelopeError, makeDataKey } from "@control-plane/crypto";
import { connections, inTransaction, writeAudit } from "@control-plane/db";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { eq } from "drizzle-orm";
import {
  CIPHER_COLUMNS,
  type CipherColumn,
  placeOf,
  readSealedValues,
  replaceSealedValue,
  type SealedValue,
} from "../../store/cipher-columns.ts";
import {
  type DataKey,
  destroyUnusedKey,
  findActiveKeys,
  findFormerKeys,
  findRotationStart,
  succeedKey,
} from "../../store/data-keys.ts";
import type { KeysDeps, Unopenable } from "./keys-deps.ts";

const ACTOR = { source: "cli" } as const;
const BATCH = 100;
const PAUSE_MS_MAX = 5_000;

/**
 * Gives the tenants new data keys and seals every value anew, while everybody goes on reading and writing. A former key is
 * destroyed when no value needs it and it has rested for `restSeconds`, longer than any process keeps a key in memory.
 * The state is in the data: after a crash the same command goes on where it was.
 * @returns what does not open; its keys stay
 */
export async function rotateDek(
  deps: KeysDeps,
  { tenantId, restSeconds }: { tenantId: string | undefined; restSeconds: number },
): Promise<Unopenable[]> {
  await replaceActiveKeys(deps, tenantId);
  const envelope = deps.openEnvelope();
  const unopenable = new Map<string, Unopenable>();
  let sealed = 0;
  for (;;) {
    const former = await findFormerKeys(deps.db, tenantId);
    if (former.length === 0) break;
    for (const column of CIPHER_COLUMNS) {
      for await (const count of sealColumnAnew(deps, { envelope, column, former, unopenable })) {
        sealed += count;
        deps.progress(`rotate-dek: ${sealed} values sealed anew, ${former.length} former keys left`);
      }
    }
    const left = await destroyKeys(deps, former, restSeconds);
    if (left.length > 0 && left.every((key) => isRested(key, restSeconds)) && unopenable.size > 0) break;
    const waitMs = Math.max(...left.map((key) => restMsLeft(key, restSeconds)), 0);
    if (left.length > 0) await deps.wait(Math.min(Math.max(waitMs, 100), PAUSE_MS_MAX));
  }
  deps.print(`rotate-dek: done, ${sealed} values sealed anew`);
  return [...unopenable.values()];
}

/** All tenants first: from then on nothing new is sealed with a former key, and their rests run side by side. */
async function replaceActiveKeys(deps: KeysDeps, tenantId: string | undefined): Promise<void> {
  const start = await findRotationStart(deps.db, tenantId);
  if (start !== undefined) deps.print(`rotate-dek: going on with the rotation of ${start.toISOString()}`);
  const active = await findActiveKeys(deps.db, tenantId, start);
  for (const [index, former] of active.entries()) {
    const present = await makeDataKey(deps.provider, former.tenantId);
    await inTransaction(deps.db, ACTOR, async (tx) => {
      if (!(await succeedKey(tx, former, present))) return;
      await writeAudit(tx, {
        tenantId: former.tenantId,
        action: "data_key.rotated",
        targetType: "data_keys",
        targetId: former.id,
        changes: { successor: present.id },
      });
    });
    deps.progress(`rotate-dek: ${index + 1} of ${active.length} keys replaced`);
  }
}

type Pass = {
  envelope: Envelope;
  column: CipherColumn;
  former: readonly DataKey[];
  unopenable: Map<string, Unopenable>;
};

/** Yields how many values each batch had. */
async function* sealColumnAnew(deps: KeysDeps, pass: Pass): AsyncGenerator<number> {
  const { column, former } = pass;
  // By the key alone: a value that was moved to another tenant needs it too.
  const selection = { keyIds: former.map(({ id }) => id) };
  let after: string | undefined;
  for (;;) {
    const values = await readSealedValues(deps.db, column, selection, { after, limit: BATCH });
    if (values.length === 0) return;
    const changes: { value: SealedValue; anew: Buffer }[] = [];
    for (const value of values) {
      const anew = await sealAnew(deps, pass, value);
      if (anew !== undefined) changes.push({ value, anew });
    }
    await inTransaction(deps.db, ACTOR, async (tx) => {
      for (const { value, anew } of changes) {
        await replaceSealedValue(tx, column, value, anew);
        await failpoint("keys.between-rows");
      }
    });
    after = values.at(-1)?.id;
    yield changes.length;
  }
}

/** Undefined for what does not open: it is reported and left as it is. */
async function sealAnew(deps: KeysDeps, pass: Pass, value: SealedValue): Promise<Buffer | undefined> {
  const { envelope, column, unopenable } = pass;
  const place = placeOf(column, value);
  try {
    return await envelope.seal(place, await envelope.open(place, value.sealed));
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
  }
  const name = `${column.table} ${value.id} ${column.column}`;
  if (unopenable.has(name)) return undefined;
  unopenable.set(name, { table: column.table, id: value.id, column: column.column });
  if (column.table === "connections")
    await inTransaction(deps.db, ACTOR, (tx) =>
      tx.update(connections).set({ status: "FAILING" }).where(eq(connections.id, value.id)),
    );
  return undefined;
}

/** @returns keys that have to rest on, or that some value still needs */
async function destroyKeys(deps: KeysDeps, former: readonly DataKey[], restSeconds: number): Promise<DataKey[]> {
  const left: DataKey[] = [];
  for (const key of former) {
    const isGone =
      isRested(key, restSeconds) &&
      (await inTransaction(deps.db, ACTOR, (tx) => destroyUnusedKey(tx, key.id, restSeconds)));
    if (!isGone) left.push(key);
  }
  return left;
}

function isRested(key: DataKey, restSeconds: number): boolean {
  return restMsLeft(key, restSeconds) <= 0;
}

function restMsLeft({ stateChangedAt }: DataKey, restSeconds: number): number {
  return stateChangedAt.getTime() + restSeconds * 1_000 - Date.now();
}
