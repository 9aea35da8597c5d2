import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { AppError, parseInput } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import { type MemberRole, memberRole } from "./roles.ts";
import { secretMatches } from "./secrets.ts";
import { currentRequestId } from "./trace.ts";

/** A signed-in member, checked against the live membership. */
export type Caller = { userId: string; tenantId: string; role: MemberRole; requestId: string };

type Definition<I, O> = { name: string; input: z.ZodType<I>; output: z.ZodType<O> };

/** One Hasura action with its contract; `handle` does everything between the parsed envelope and the reply. */
export type HasuraAction<D, O = unknown> = {
  name: string;
  input: z.ZodType;
  output: z.ZodType<O>;
  /** Membership roles that may call it; `anonymous` reads no session variables at all. */
  roles: readonly MemberRole[] | "anonymous";
  handle(input: unknown, context: { caller: Caller | undefined; deps: D }): Promise<unknown>;
};

export function defineAction<I, O, D>(
  definition: Definition<I, O> & { roles: "anonymous"; run(input: I, context: { deps: D }): Promise<O> },
): HasuraAction<D, O>;
export function defineAction<I, O, D>(
  definition: Definition<I, O> & {
    roles: readonly MemberRole[];
    run(input: I, context: { caller: Caller; deps: D }): Promise<O>;
  },
): HasuraAction<D, O>;
export function defineAction<I, O, D>(
  definition: Definition<I, O> & {
    roles: readonly MemberRole[] | "anonymous";
    run(input: I, context: { caller: Caller; deps: D }): Promise<O>;
  },
): HasuraAction<D, O> {
  const { name, input, output, roles } = definition;
  return {
    name,
    input,
    output,
    roles,
    async handle(value, { caller, deps }) {
      const parsed = parseInput(input, value);
      if (roles !== "anonymous" && caller === undefined) throw new AppError("FORBIDDEN", "sign in first");
      // An anonymous action's `run` has no caller in its type, so what stands here is never read.
      const known = caller ?? { userId: "", tenantId: "", role: "viewer", requestId: currentRequestId() ?? "" };
      // A reply that breaks our own contract is our fault, not the caller's.
      return output.parse(await definition.run(parsed, { caller: known, deps }));
    },
  };
}

export type RegisterActionsOptions<D> = {
  actions: readonly HasuraAction<D>[];
  secrets: readonly string[];
  deps: D;
  findMembership: (tenantId: string, userId: string) => Promise<{ role: MemberRole } | undefined>;
  /** Told about every FORBIDDEN of a known caller; writes the audit row. */
  onDenied?: (caller: Caller, actionName: string) => Promise<void>;
  metrics?: Metrics;
};

const BODY_BYTES_MAX = 4 * 1024 * 1024;

const envelopeSchema = z.object({
  action: z.object({ name: z.string() }),
  input: z.unknown(),
  session_variables: z.record(z.string(), z.string()).default({}),
});
const sessionSchema = z.object({
  "x-hasura-user-id": z.uuid(),
  "x-hasura-tenant-id": z.uuid(),
  "x-hasura-role": z.enum(["owner", "tenant_admin", "builder", "viewer"]),
});

/**
 * Serves each action at POST /actions/<name>, in the order the contract asks for: secret before the body is read,
 * envelope, input, session variables, live membership and role. Every refusal is a 4xx; only then Hasura shows it.
 */
export function registerActions<D>(server: FastifyInstance, options: RegisterActionsOptions<D>): void {
  const total = options.metrics?.counter("hasura_action_total", "calls of Hasura actions by outcome", [
    "action",
    "code",
  ]);
  for (const action of options.actions) {
    server.post(
      `/actions/${action.name}`,
      { bodyLimit: BODY_BYTES_MAX, onRequest: requireSecret("x-action-secret", options.secrets) },
      async (request) => {
        try {
          const reply = await runAction(action, options, request);
          total?.inc({ action: action.name, code: "OK" });
          return reply;
        } catch (error) {
          total?.inc({ action: action.name, code: error instanceof AppError ? error.code : "INTERNAL" });
          throw error;
        }
      },
    );
  }
}

/** Refuses before the body is read. */
export function requireSecret(header: string, secrets: readonly string[]): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const presented = request.headers[header];
    if (!secretMatches(typeof presented === "string" ? presented : undefined, secrets)) {
      throw new AppError("UNAUTHENTICATED", "the secret header is missing or wrong");
    }
  };
}

async function runAction<D>(
  action: HasuraAction<D>,
  options: RegisterActionsOptions<D>,
  request: FastifyRequest,
): Promise<unknown> {
  const envelope = parseInput(envelopeSchema, request.body);
  if (envelope.action.name !== action.name) throw new AppError("BAD_INPUT", "the envelope names another action");
  if (action.roles === "anonymous") return action.handle(envelope.input, { caller: undefined, deps: options.deps });
  // The input is judged first, then the caller; neither tells anything about the other.
  parseInput(action.input, envelope.input);
  const caller = await identify(envelope.session_variables, options, request.id);
  try {
    if (!action.roles.includes(caller.role)) throw new AppError("FORBIDDEN", `the role ${caller.role} may not do this`);
    return await action.handle(envelope.input, { caller, deps: options.deps });
  } catch (error) {
    if (error instanceof AppError && error.code === "FORBIDDEN") await options.onDenied?.(caller, action.name);
    throw error;
  }
}

/** The session variables are believed behind the secret, but the membership is read anew: tokens outlive it. */
async function identify<D>(
  variables: Readonly<Record<string, string>>,
  options: RegisterActionsOptions<D>,
  requestId: string,
): Promise<Caller> {
  const session = sessionSchema.safeParse(variables);
  if (!session.success) throw new AppError("FORBIDDEN", "not a member of a tenant");
  const userId = session.data["x-hasura-user-id"];
  const tenantId = session.data["x-hasura-tenant-id"];
  const role = memberRole(session.data["x-hasura-role"]);
  const membership = await options.findMembership(tenantId, userId);
  if (membership?.role !== role) throw new AppError("FORBIDDEN", "not a member of this tenant with this role");
  return { userId, tenantId, role, requestId };
}
