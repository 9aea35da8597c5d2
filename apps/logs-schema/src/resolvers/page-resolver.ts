import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { LogsCaller } from "../caller.ts";
import type { Deps } from "../deps.ts";
import { type Access, createAccess } from "../domain/access.ts";
import { parsePageRequest } from "../domain/page-request.ts";
import { type LogPage, readPage } from "../domain/read-page.ts";
import type { RequestBudget } from "../domain/request-budget.ts";
import type { Subject } from "../store/execution-logs.ts";

/** What the fields of one GraphQL request share. */
export type RequestContext = {
  deps: Deps;
  /** Asked for by fields only: introspection, which Hasura sends without a session, needs none. Throws `FORBIDDEN`. */
  caller: () => LogsCaller;
  budget: RequestBudget;
  /** By tenant: an operator may name several. */
  accesses: Map<string, Access>;
};

const tenantSchema = z.object({ tenantId: z.uuid() });

/** Does what both root fields have in common: bounds, tenant, access, page. */
export async function resolvePage(
  args: unknown,
  context: RequestContext,
  subject: Subject | undefined,
): Promise<LogPage> {
  const request = parsePageRequest(args);
  context.budget.take(request.limit);
  const caller = context.caller();
  const tenantId = namedTenant(args, caller);
  // An id that is no uuid is no id of ours; it reads as empty, like every id that is not the tenant's.
  if (subject === undefined)
    return { lines: [], startCursor: undefined, endCursor: request.afterText, hasMore: false, error: undefined };
  const access = context.accesses.get(tenantId) ?? createAccess(context.deps.db, caller, tenantId);
  context.accesses.set(tenantId, access);
  // Every field of the request has started before the first one waits, so the number of fields is known here.
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (request.waitMs > 0 && context.budget.fields() > 1)
    throw new AppError("BAD_INPUT", "waitMs is for requests with a single field");
  return readPage(context.deps, access, tenantId, subject, request);
}

function namedTenant(args: unknown, caller: LogsCaller): string {
  const parsed = tenantSchema.safeParse(args);
  if (!parsed.success) throw new AppError("BAD_INPUT", "tenantId: not a uuid");
  const { tenantId } = parsed.data;
  if (caller.kind === "member" && caller.tenantId !== tenantId)
    throw new AppError("FORBIDDEN", "not a member of this tenant");
  return tenantId;
}

const uuidSchema = z.uuid();

export function uuidOrUndefined(text: string): string | undefined {
  return uuidSchema.safeParse(text).data?.toLowerCase();
}
