import { inTransaction, type Queryable } from "@control-plane/db";
import { namedIds, type Problem, validateDefinition } from "@control-plane/runs";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import {
  lockWorkflow,
  makeLatest,
  readActionFacts,
  readConnectionFacts,
  readWorkflowVersions,
  type VersionRow,
  type WorkflowVersions,
} from "../store/workflow-versions.ts";

export type PublishRequest = {
  workflowId: string;
  version: number | undefined;
  expectedLatestVersion: number | undefined;
  dryRun: boolean;
};
export type Publication = {
  workflowVersionId: string;
  version: number;
  isLatest: boolean;
  publishedAt: string | null;
  previousVersion: number | null;
  problems: Problem[];
};

/**
 * Makes the draft, or a published number, the version that triggers and runs use. Everything is validated again: actions
 * and connections may have gone. Publishing what is latest already changes nothing.
 * Throws `NOT_FOUND`, `CONFLICT` (archived), `PUBLISH_CONFLICT` (another latest than expected, no draft, or somebody
 * published meanwhile), `VALIDATION_FAILED` with problems; with `dryRun` the problems are the result.
 */
export async function publishWorkflowVersion(
  deps: Pick<Deps, "db">,
  caller: Caller,
  request: PublishRequest,
): Promise<Publication> {
  const seen = await readWorkflowVersions(deps.db, caller.tenantId, request.workflowId, request.version);
  if (seen === undefined) throw new AppError("NOT_FOUND", "there is no such workflow");
  if (seen.archived) throw new AppError("CONFLICT", "the workflow is archived");
  const { target, latest } = choose(seen, request);
  if (target.isLatest) return publication(target, target.publishedAt, latest?.version ?? null, []);
  const problems = await validate(deps.db, caller.tenantId, target);
  if (request.dryRun)
    return { ...publication(target, target.publishedAt, latest?.version ?? null, problems), isLatest: false };
  if (problems.length > 0)
    throw new AppError("VALIDATION_FAILED", "the definition has problems", { details: { problems } });

  const actor = {
    source: "auth-actions",
    userId: caller.userId,
    tenantId: caller.tenantId,
    role: caller.role,
    requestId: caller.requestId,
  } as const;
  return inTransaction(deps.db, actor, async (tx) => {
    await lockWorkflow(tx, caller.tenantId, request.workflowId);
    const now = await readWorkflowVersions(tx, caller.tenantId, request.workflowId, request.version);
    if (now === undefined || now.archived || fingerprint(now) !== fingerprint(seen))
      throw new AppError("PUBLISH_CONFLICT", "somebody changed or published this workflow meanwhile");
    const publishedAt = await makeLatest(tx, caller.tenantId, request.workflowId, target.id, caller.userId);
    return publication(target, publishedAt, latest?.version ?? null, []);
  });
}

function choose(
  { versions }: WorkflowVersions,
  request: PublishRequest,
): { target: VersionRow; latest: VersionRow | undefined } {
  const latest = versions.find(({ isLatest }) => isLatest);
  if (request.expectedLatestVersion !== undefined && request.expectedLatestVersion !== (latest?.version ?? 0)) {
    throw new AppError("PUBLISH_CONFLICT", `the latest version is ${latest?.version ?? 0}`);
  }
  if (request.version !== undefined) {
    const named = versions.find(({ version }) => version === request.version);
    if (named === undefined) throw new AppError("NOT_FOUND", "there is no such version");
    return { target: named, latest };
  }
  const draft = versions.find(({ publishedAt }) => publishedAt === null);
  if (draft === undefined) throw new AppError("PUBLISH_CONFLICT", "there is no draft to publish");
  return { target: draft, latest };
}

async function validate(db: Queryable, tenantId: string, target: VersionRow): Promise<Problem[]> {
  const { actionIds, connectionIds } = namedIds(target.definition);
  const [actions, connections] = await Promise.all([
    readActionFacts(db, tenantId, actionIds),
    readConnectionFacts(db, tenantId, connectionIds),
  ]);
  return [...validateDefinition(target.definition, { actions, connections }).problems];
}

/** Changes when anything publishing decides by changes. */
function fingerprint({ versions }: WorkflowVersions): string {
  return versions
    .map(
      ({ id, contentHash, isLatest, publishedAt }) =>
        `${id} ${contentHash} ${isLatest} ${publishedAt?.getTime() ?? ""}`,
    )
    .sort()
    .join("\n");
}

function publication(
  row: VersionRow,
  publishedAt: Date | null,
  previousVersion: number | null,
  problems: Problem[],
): Publication {
  return {
    workflowVersionId: row.id,
    version: row.version,
    isLatest: publishedAt !== null,
    publishedAt: publishedAt?.toISOString() ?? null,
    previousVersion,
    problems,
  };
}
