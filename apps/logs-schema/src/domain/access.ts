import type { Queryable } from "@control-plane/db";
import { AppError } from "@control-plane/service-kit/errors";
import type { LogsCaller } from "../caller.ts";
import type { Subject } from "../store/execution-logs.ts";
import { isLiveMember, ownRuns, ownSteps } from "../store/ownership.ts";

/** What one request may read. Asked for by each of its fields; PostgreSQL is asked once for all of them. */
export type Access = {
  /** Throws `FORBIDDEN` for a caller who is no live member; false for ids that are not the tenant's. */
  owns(subject: Subject): Promise<boolean>;
};

export function createAccess(db: Queryable, caller: LogsCaller, tenantId: string): Access {
  const live = once(async () => (caller.kind === "operator" ? true : isLiveMember(db, caller)));
  const runs = createBatch((ids) => ownRuns(db, tenantId, ids));
  const steps = createBatch((ids) => ownSteps(db, tenantId, ids));
  return {
    async owns(subject) {
      const [isLive, owned] = await Promise.all([
        live(),
        subject.kind === "run" ? runs(subject.workflowRunId) : steps(subject.stepRunId),
      ]);
      if (!isLive) throw new AppError("FORBIDDEN", "not a member of this tenant");
      return owned;
    },
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

/** Ids asked for within the same turn of the event loop go into one query. */
function createBatch(find: (ids: readonly string[]) => Promise<ReadonlySet<string>>): (id: string) => Promise<boolean> {
  let gathering: { ids: string[]; found: Promise<ReadonlySet<string>> } | undefined;
  return async (id) => {
    if (gathering === undefined) {
      const ids: string[] = [];
      const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        gathering = undefined;
        return find(ids);
      });
      gathering = { ids, found };
    }
    gathering.ids.push(id);
    const { found } = gathering;
    return (await found).has(id);
  };
}
