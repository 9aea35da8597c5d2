import { inTransaction, memberActor, type Queryable } from "@control-plane/db";
import { namedIds, type Problem, validateDefinition } from "@control-plane/runs";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import {
  lockConnections,
  lockWorkflow,
  makeLatest,
  readActionFacts,
  readConnectionFacts,
  readWorkflowVersions,
  type VersionRow,
  type WorkflowVersions,
} from "../../store/workflow-versions.ts";

export type WorkflowPublishRequest = {
  workflowId: string;
  version: number | undefined;
  expectedLatestVersion: number | undefined;
  dryRun: boolean;
};
export type WorkflowPublication = {
  workflowVersionId: string;
  version: number;
  isLatest: boolean;
  publishedAt: string | null;
  previousVersion: number | null;
  problems: Problem[];
};

/**
 * Makes the draft, or a published number, the version that triggers and runs use. A published number is validated again:
 * actions and connections may have gone. Publishing what is latest already changes nothing.
 * Throws `NOT_FOUND` (no such workflow or version, no draft), `CONFLICT` (archived), `PUBLISH_CONFLICT` (another latest
 * than expected, or somebody changed the version or published meanwhile), `VALIDATION_FAILED` with problems; with
 * `dryRun` the problems are the result.
 */
export async function publishWorkflowVersion(
  deps: Pick<Deps, "db">,
  caller: Caller,
  request: WorkflowPublishRequest,
): Promise<WorkflowPublication> {
  if (request.dryRun) return previewPublication(deps.db, caller.tenantId, request);
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    const { target, latest } = await choose(tx, caller.tenantId, request);
    if (target.isLatest) return publication(target, target.publishedAt, latest, []);
    await lockWorkflow(tx, caller.tenantId, request.workflowId);
    await requireUnchanged(tx, caller.tenantId, request, { target, latest });
    const problems = await findProblems(tx, caller.tenantId, target, lockConnections);
    if (problems.length > 0)
      throw new AppError("VALIDATION_FAILED", "the definition has problems", { details: { problems } });
    const { tenantId, userId } = caller;
    const publishedAt = await makeLatest(tx, { tenantId, userId, workflowId: request.workflowId }, target);
    if (publishedAt === undefined) throw changedMeanwhile();
    return publication(target, publishedAt, latest, []);
  });
}

async function previewPublication(
  db: Queryable,
  tenantId: string,
  request: WorkflowPublishRequest,
): Promise<WorkflowPublication> {
  const { target, latest } = await choose(db, tenantId, request);
  const problems = target.isLatest ? [] : await findProblems(db, tenantId, target, readConnectionFacts);
  return { ...publication(target, target.publishedAt, latest, problems), isLatest: target.isLatest };
}

type Choice = { target: VersionRow; latest: VersionRow | undefined };

async function choose(db: Queryable, tenantId: string, request: WorkflowPublishRequest): Promise<Choice> {
  const seen = await readWorkflowVersions(db, tenantId, request.workflowId, request.version);
  if (seen === undefined) throw new AppError("NOT_FOUND", "there is no such workflow");
  if (seen.archived) throw new AppError("CONFLICT", "the workflow is archived");
  const latest = latestOf(seen);
  if (request.expectedLatestVersion !== undefined && request.expectedLatestVersion !== (latest?.version ?? 0)) {
    throw new AppError("PUBLISH_CONFLICT", `the latest version is ${latest?.version ?? 0}`);
  }
  const target =
    request.version === undefined
      ? seen.versions.find(({ publishedAt }) => publishedAt === null)
      : seen.versions.find(({ version }) => version === request.version);
  if (target !== undefined) return { target, latest };
  throw new AppError(
    "NOT_FOUND",
    request.version === undefined ? "there is no draft to publish" : "there is no such version",
  );
}

/** Under the lock nothing moves any more; what moved while waiting for it was somebody else's decision. */
async function requireUnchanged(
  tx: Queryable,
  tenantId: string,
  request: WorkflowPublishRequest,
  seen: Choice,
): Promise<void> {
  const now = await readWorkflowVersions(tx, tenantId, request.workflowId, request.version);
  const target = now?.versions.find(({ id }) => id === seen.target.id);
  const isUnchanged =
    now?.archived === false &&
    latestOf(now)?.id === seen.latest?.id &&
    target?.contentHash === seen.target.contentHash &&
    target.publishedAt?.getTime() === seen.target.publishedAt?.getTime();
  if (!isUnchanged) throw changedMeanwhile();
}

function changedMeanwhile(): AppError {
  return new AppError("PUBLISH_CONFLICT", "somebody changed or published this workflow meanwhile");
}

function latestOf({ versions }: WorkflowVersions): VersionRow | undefined {
  return versions.find(({ isLatest }) => isLatest);
}

async function findProblems(
  db: Queryable,
  tenantId: string,
  target: VersionRow,
  readConnections: typeof readConnectionFacts,
): Promise<Problem[]> {
  const { actionIds, connectionIds } = namedIds(target.definition);
  const actions = await readActionFacts(db, tenantId, actionIds);
  const connections = await readConnections(db, tenantId, connectionIds);
  return [...validateDefinition(target.definition, { actions, connections }).problems];
}

function publication(
  row: VersionRow,
  publishedAt: Date | null,
  previous: VersionRow | undefined,
  problems: Problem[],
): WorkflowPublication {
  return {
    workflowVersionId: row.id,
    version: row.version,
    isLatest: publishedAt !== null,
    publishedAt: publishedAt?.toISOString() ?? null,
    previousVersion: previous?.version ?? null,
    problems,
  };
}
