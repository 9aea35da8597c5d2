import { CIPHER_COLUMNS, countValuesPerKey } from "../../store/cipher-columns.ts";
import { listDataKeys } from "../../store/data-keys.ts";
import type { KeysDeps } from "./keys-deps.ts";

/** Prints key-encryption keys with how much they wrap, then each data key with its values per column. */
export async function showStatus(deps: KeysDeps): Promise<void> {
  const keys = await listDataKeys(deps.db);
  const present = await deps.provider.currentKekId();
  const wrapped = keys.filter(({ wrappedKey }) => wrappedKey !== null);
  for (const kekId of [...new Set([present, ...wrapped.map((key) => key.kekId)])].sort()) {
    const count = wrapped.filter((key) => key.kekId === kekId).length;
    deps.print(`kek ${kekId}${kekId === present ? " (current)" : ""}: ${count} data keys`);
  }
  const counts: { name: string; perKey: Map<string, number> }[] = [];
  for (const column of CIPHER_COLUMNS)
    counts.push({ name: `${column.place}.${column.column}`, perKey: await countValuesPerKey(deps.db, column) });
  for (const { id, tenantId, state, createdAt } of keys) {
    const hex = id.replaceAll("-", "");
    const values = counts.flatMap(({ name, perKey }) => {
      const count = perKey.get(hex);
      return count === undefined ? [] : [`${name} ${count}`];
    });
    deps.print(`${tenantId ?? "platform"} ${id} ${state}, ${ageOf(createdAt)}: ${values.join(", ") || "no values"}`);
  }
}

function ageOf(at: Date): string {
  const hours = Math.floor((Date.now() - at.getTime()) / 3_600_000);
  return hours < 48 ? `${hours} h old` : `${Math.floor(hours / 24)} d old`;
}
