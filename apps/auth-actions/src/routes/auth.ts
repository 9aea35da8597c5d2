import { callAction, parseInput, type RegisterActionsOptions } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { acceptInvitation } from "../actions/accept-invitation.ts";
import { declineInvitation } from "../actions/decline-invitation.ts";
import type { Call, Operation } from "../actions/define-action.ts";
import { login } from "../actions/login.ts";
import { logoutOverHttp } from "../actions/logout.ts";
import { logoutEverywhere } from "../actions/logout-everywhere.ts";
import { refreshSession } from "../actions/refresh-session.ts";
import { registerUserAndTenant } from "../actions/register-user-and-tenant.ts";
import { requestPasswordReset } from "../actions/request-password-reset.ts";
import { resetPassword } from "../actions/reset-password.ts";
import { switchTenant } from "../actions/switch-tenant.ts";
import type { Deps } from "../deps.ts";
import { buyToken } from "../domain/access-keys.ts";
import type { Origin } from "../domain/sessions.ts";
import type { ReadBearer } from "./bearer.ts";

/** Operations that front ends also reach without Hasura, with the same input, output and refusals. */
export const DIRECT_ENDPOINTS: readonly { readonly path: string; readonly operation: Operation }[] = [
  { path: "/auth/register", operation: registerUserAndTenant },
  { path: "/auth/login", operation: login },
  { path: "/auth/refresh", operation: refreshSession },
  { path: "/auth/logout", operation: logoutOverHttp },
  { path: "/auth/password/request-reset", operation: requestPasswordReset },
  { path: "/auth/password/reset", operation: resetPassword },
  { path: "/auth/invitations/accept", operation: acceptInvitation },
  { path: "/auth/invitations/decline", operation: declineInvitation },
  { path: "/auth/switch-tenant", operation: switchTenant },
  { path: "/auth/logout-everywhere", operation: logoutEverywhere },
];

const BODY_BYTES_MAX = 16 * 1024;
/** No body, or the empty object that HTTP clients like to send. */
const nothingSchema = z.strictObject({});

export type AuthRoutesOptions = {
  deps: Deps;
  readBearer: ReadBearer;
  checks: Pick<RegisterActionsOptions<Call>, "findMembership" | "onDenied">;
};

export function registerAuthRoutes(server: FastifyInstance, { deps, readBearer, checks }: AuthRoutesOptions): void {
  for (const { path, operation } of DIRECT_ENDPOINTS) {
    const options = { bodyLimit: BODY_BYTES_MAX, onRequest: [neverCached, onlyJson] };
    server.post(path, options, async (request) => {
      const session = await sessionFor(operation, request, readBearer);
      const call: Call = { deps, origin: originOf(request) };
      return callAction(operation, request.body, session, request.id, { ...checks, deps: call });
    });
  }
  server.post("/auth/token", { bodyLimit: BODY_BYTES_MAX, onRequest: [neverCached] }, async (request) => {
    parseInput(nothingSchema, request.body ?? {});
    return buyToken(deps, presentedKey(request), originOf(request));
  });
}

/** An operation without a caller does not look at the header; one that may have a caller refuses a token that is bad. */
async function sessionFor(
  { access }: Operation,
  request: FastifyRequest,
  readBearer: ReadBearer,
): Promise<Record<string, string>> {
  const withoutCaller =
    access.kind === "anonymous" || (access.kind === "either" && request.headers.authorization === undefined);
  return withoutCaller ? { "x-hasura-role": "anonymous" } : readBearer(request);
}

/** Of any form: what is no key is looked up like one and not found. */
function presentedKey({ headers }: FastifyRequest): string {
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}

async function onlyJson(request: FastifyRequest): Promise<void> {
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw new AppError("UNSUPPORTED_MEDIA_TYPE", "send application/json");
}

async function neverCached(_request: FastifyRequest, reply: { header(name: string, value: string): unknown }) {
  reply.header("cache-control", "no-store");
}

function originOf(request: FastifyRequest): Origin {
  return { ip: request.ip, userAgent: request.headers["user-agent"] };
}
