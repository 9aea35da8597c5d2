import type { Queryable } from "@control-plane/db";
import { AppError } from "@control-plane/service-kit/errors";
import type { LogsCaller } from "../caller.ts";
import type { Subject } from "../store/execution-logs.ts";
import { isLiveMember, ownRuns, ownSteps } from "../store/ownership.ts";

/** What the caller may read of one tenant. */
export type Access = {
  /**
   * Throws `FORBIDDEN` for a caller who is no live member; false for ids that are not the tenant's, which an id that is
   * no uuid (undefined) cannot be. PostgreSQL is asked anew each time, once for all fields that ask in the same turn of
   * the event loop.
   */
  owns(subject: Subject | undefined): Promise<boolean>;
};

const NONE: ReadonlySet<string> = new Set();

export function createAccess(db: Queryable, caller: LogsCaller, tenantId: string): Access {
  let gathering: { subjects: Subject[]; own: Promise<readonly Subject[]> } | undefined;
  const gather = (): NonNullable<typeof gathering> => {
    const subjects: Subject[] = [];
    const own = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      gathering = undefined;
      return findOwn(db, caller, tenantId, subjects);
    });
    return { subjects, own };
  };
  return {
    async owns(subject) {
      gathering ??= gather();
      const { subjects, own } = gathering;
      if (subject !== undefined) subjects.push(subject);
      const owned = await own;
      return subject !== undefined && owned.includes(subject);
    },
  };
}

async function findOwn(
  db: Queryable,
  caller: LogsCaller,
  tenantId: string,
  subjects: readonly Subject[],
): Promise<readonly Subject[]> {
  const runs = subjects.flatMap((subject) => (subject.kind === "run" ? [subject.workflowRunId] : []));
  const steps = subjects.flatMap((subject) => (subject.kind === "step" ? [subject.stepRunId] : []));
  const [isLive, ownedRuns, ownedSteps] = await Promise.all([
    caller.kind === "operator" || isLiveMember(db, caller),
    runs.length === 0 ? NONE : ownRuns(db, tenantId, runs),
    steps.length === 0 ? NONE : ownSteps(db, tenantId, steps),
  ]);
  if (!isLive) throw new AppError("FORBIDDEN", "not a member of this tenant");
  return subjects.filter((subject) =>
    subject.kind === "run" ? ownedRuns.has(subject.workflowRunId) : ownedSteps.has(subject.stepRunId),
  );
}
