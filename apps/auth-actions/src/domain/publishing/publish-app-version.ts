import { inTransaction, memberActor, type Queryable } from "@control-plane/db";
import { type Problem, validateAppVersion } from "@control-plane/runs";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import {
  type AppVersionRow,
  findAppVersions,
  hasApp,
  lockApp,
  lockAppVersion,
  measureActions,
  publishDraft,
  readStoredActions,
} from "../../store/app-versions.ts";
import { judgeUrl } from "./judge-url.ts";

export type AppPublishRequest = { appId: string; version: string | undefined; dryRun: boolean };
export type AppPublication = {
  appVersionId: string;
  version: string;
  isLatest: boolean;
  publishedAt: string | null;
  problems: Problem[];
};

const ACTIONS_MAX = 200;
const ACTION_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Publishes a version of one of the tenant's own apps: from then on neither it nor its actions change. It becomes the
 * latest unless a higher one is published. Publishing what is published already changes nothing.
 * Throws `NOT_FOUND`, `BAD_INPUT` (no version named, and not exactly one draft), `PUBLISH_CONFLICT` (somebody published
 * the draft meanwhile), `VALIDATION_FAILED` with problems; with `dryRun` the problems are the result.
 */
export async function publishAppVersion(
  deps: Pick<Deps, "db" | "egressAllow">,
  caller: Caller,
  request: AppPublishRequest,
): Promise<AppPublication> {
  const { tenantId, userId } = caller;
  if (request.dryRun) {
    const target = await choose(deps.db, tenantId, request);
    return publication(target, target, await findProblems(deps, deps.db, tenantId, target));
  }
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    const seen = await choose(tx, tenantId, request);
    if (seen.publishedAt !== null) return publication(seen, seen, []);
    await lockApp(tx, tenantId, request.appId);
    await lockAppVersion(tx, tenantId, seen.id);
    const [target] = await findAppVersions(tx, tenantId, request.appId, seen.version);
    if (target?.id !== seen.id || target.publishedAt !== null) throw publishedMeanwhile();
    const problems = await findProblems(deps, tx, tenantId, target);
    if (problems.length > 0)
      throw new AppError("VALIDATION_FAILED", "the app version has problems", { details: { problems } });
    const published = await publishDraft(tx, { tenantId, userId, appId: request.appId }, target.id);
    if (published === undefined) throw publishedMeanwhile();
    return publication(target, published, []);
  });
}

function publishedMeanwhile(): AppError {
  return new AppError("PUBLISH_CONFLICT", "somebody changed or published this version meanwhile");
}

async function choose(db: Queryable, tenantId: string, request: AppPublishRequest): Promise<AppVersionRow> {
  if (!(await hasApp(db, tenantId, request.appId))) throw new AppError("NOT_FOUND", "there is no such app of your own");
  const [first, second] = await findAppVersions(db, tenantId, request.appId, request.version);
  if (first !== undefined && second === undefined) return first;
  if (request.version !== undefined) throw new AppError("NOT_FOUND", "there is no such version");
  const message =
    first === undefined ? "there is no draft: name a version" : "there are several drafts: name a version";
  throw new AppError("BAD_INPUT", message, { details: { issues: [{ path: "version", message }] } });
}

async function findProblems(
  deps: Pick<Deps, "egressAllow">,
  db: Queryable,
  tenantId: string,
  target: AppVersionRow,
): Promise<Problem[]> {
  if (target.publishedAt !== null) return [];
  const { count, bytes } = await measureActions(db, tenantId, target.id);
  if (count > ACTIONS_MAX || bytes > ACTION_BYTES_MAX)
    return [
      {
        pointer: "/actions",
        code: "TOO_LARGE",
        message: `an app version has at most ${ACTIONS_MAX} actions, together at most 4 MiB`,
      },
    ];
  const actions = await readStoredActions(db, tenantId, target.id);
  return validateAppVersion(target, actions, { allowsBuiltIns: false, judgeUrl: judgeUrl(deps.egressAllow) });
}

function publication(
  { id, version }: AppVersionRow,
  state: { publishedAt: Date | null; isLatest: boolean },
  problems: Problem[],
): AppPublication {
  return {
    appVersionId: id,
    version,
    isLatest: state.isLatest,
    publishedAt: state.publishedAt?.toISOString() ?? null,
    problems,
  };
}
