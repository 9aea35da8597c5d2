import { EnvelopeError, rewrapDataKey } from "@control-plane/crypto";
import { CIPHER_COLUMNS, type CipherColumn, placeOf, readSealedValues } from "../../store/cipher-columns.ts";
import { listDataKeys } from "../../store/data-keys.ts";
import type { KeysDeps, Unopenable } from "./keys-deps.ts";

const BATCH = 100;

/** Opens every data key and every value. @returns what does not open */
export async function verifyKeys(deps: KeysDeps, tenantId: string | undefined): Promise<Unopenable[]> {
  const unopenable = await verifyDataKeys(deps, tenantId);
  let opened = 0;
  for (const column of CIPHER_COLUMNS) {
    for await (const { isOpen, id } of openColumn(deps, column, tenantId)) {
      if (isOpen) opened += 1;
      else unopenable.push({ table: column.table, id, column: column.column });
      deps.progress(`verify: ${opened} values open`);
    }
  }
  deps.print(`verify: ${opened} values open, ${unopenable.length} do not`);
  return unopenable;
}

async function verifyDataKeys(deps: KeysDeps, tenantId: string | undefined): Promise<Unopenable[]> {
  const unopenable: Unopenable[] = [];
  for (const { id, tenantId: owner, kekId, wrappedKey } of await listDataKeys(deps.db, tenantId)) {
    if (wrappedKey === null) continue;
    try {
      await rewrapDataKey(deps.provider, { id, tenantId: owner, kekId, wrappedKey });
    } catch (error) {
      if (error instanceof Error && "outage" in error) throw error;
      unopenable.push({ table: "internal.data_keys", id, column: "wrapped_key" });
    }
  }
  return unopenable;
}

async function* openColumn(deps: KeysDeps, column: CipherColumn, tenantId: string | undefined) {
  const envelope = deps.openEnvelope();
  let after: string | undefined;
  for (;;) {
    const values = await readSealedValues(deps.db, column, { tenantId }, { after, limit: BATCH });
    if (values.length === 0) return;
    for (const value of values) {
      const isOpen = await envelope.open(placeOf(column, value), value.sealed).then(
        () => true,
        (error: unknown) => {
          if (error instanceof EnvelopeError) return false;
          throw error;
        },
      );
      yield { isOpen, id: value.id };
    }
    after = values.at(-1)?.id;
  }
}
