import { rewrapDataKey } from "@control-plane/crypto";
import { inTransaction, writeAudit } from "@control-plane/db";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { findKeysWrappedOtherwise, replaceWrapping } from "../../store/data-keys.ts";
import type { KeysDeps } from "./keys-deps.ts";

const PASSES_MAX = 10;

/**
 * Wraps every data key with the provider's present key-encryption key; no value is touched. Each key is a compare-and-set,
 * so it may be stopped and started anywhere.
 * @returns false when keys that are wrapped with a former one keep coming: some process still has it as its present one
 */
export async function rotateKek(deps: KeysDeps): Promise<boolean> {
  const kekId = await deps.provider.currentKekId();
  let wrapped = 0;
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const before = wrapped;
    for await (const count of rewrapAll(deps, kekId)) {
      wrapped += count;
      deps.progress(`rotate-kek: ${wrapped} data keys wrapped with ${kekId}`);
    }
    if (wrapped === before) {
      deps.print(`rotate-kek: done, ${wrapped} data keys wrapped with ${kekId}`);
      return true;
    }
  }
  return false;
}

async function* rewrapAll(deps: KeysDeps, kekId: string): AsyncGenerator<number> {
  let after: string | undefined;
  for (;;) {
    const keys = await findKeysWrappedOtherwise(deps.db, kekId, after);
    if (keys.length === 0) return;
    for (const former of keys) {
      const present = await rewrapDataKey(deps.provider, former);
      await inTransaction(deps.db, { source: "cli" }, async (tx) => {
        if (!(await replaceWrapping(tx, former, present))) return;
        await writeAudit(tx, {
          tenantId: former.tenantId,
          action: "data_key.rotated",
          targetType: "data_keys",
          targetId: former.id,
          changes: { kekId: { old: former.kekId, new: present.kekId } },
        });
      });
      await failpoint("keys.between-rows");
      yield 1;
    }
    after = keys.at(-1)?.id;
  }
}
