import type { Database } from "@control-plane/db";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { LogsCaller } from "../caller.ts";
import { type Access, createAccess } from "../domain/access.ts";
import { parsePageRequest } from "../domain/page-request.ts";
import { type LogPage, type Reading, readPage } from "../domain/read-page.ts";
import type { Subject } from "../store/execution-logs.ts";

/** What the fields of one GraphQL request share. */
export type RequestContext = Reading & {
  db: Database;
  /** Asked for by fields only: introspection, which Hasura sends without a session, needs none. Throws `FORBIDDEN`. */
  caller: () => LogsCaller;
  /** By tenant: an operator may name several. */
  accesses: Map<string, Access>;
};

/** Does what both root fields have in common: tenant, bounds, access, page. */
export async function resolvePage(
  kind: Subject["kind"],
  args: { tenantId: string },
  context: RequestContext,
  subject: Subject | undefined,
): Promise<LogPage> {
  const caller = context.caller();
  const tenantId = namedTenant(args.tenantId, caller);
  const request = parsePageRequest(kind, args);
  context.budget.take(request);
  // Every field of the request has started before the first one goes on, so the whole request is judged before any read.
  await new Promise<void>((resolve) => setImmediate(resolve));
  context.budget.assertKept();
  const access = context.accesses.get(tenantId) ?? createAccess(context.db, caller, tenantId);
  context.accesses.set(tenantId, access);
  return readPage(context, access, tenantId, subject, request);
}

function namedTenant(named: string, caller: LogsCaller): string {
  const tenantId = uuidOrUndefined(named);
  if (caller.kind === "member" && caller.tenantId !== tenantId)
    throw new AppError("FORBIDDEN", "not a member of this tenant");
  if (tenantId === undefined) throw new AppError("BAD_INPUT", "tenantId is not a uuid");
  return tenantId;
}

const uuidSchema = z.uuid().toLowerCase();

/** In the one spelling in which runners write it. */
export function uuidOrUndefined(text: string): string | undefined {
  return uuidSchema.safeParse(text).data;
}
