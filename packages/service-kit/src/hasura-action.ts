import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { AppError, parseInput } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import { HASURA_ROLES, type MemberRole, memberRole } from "./roles.ts";
import { secretMatches } from "./secrets.ts";

/** A signed-in member, checked against the live membership. */
export type Caller = {
  userId: string;
  tenantId: string;
  role: MemberRole;
  requestId: string;
  /** Set when a program acts for him: the token was bought with an access key. */
  tokenSource?: "access-key" | undefined;
};

/**
 * Who may call an action: nobody in particular (no session variable is read, since for them Hasura takes what the client
 * sends), members with one of the roles, or either of both.
 */
export type ActionAccess =
  | { readonly kind: "anonymous" }
  | { readonly kind: "member"; readonly roles: readonly MemberRole[] }
  | { readonly kind: "either"; readonly roles: readonly MemberRole[] };

/** Who does call it. */
export type ActionCaller = { readonly kind: "anonymous" } | { readonly kind: "member"; readonly member: Caller };

type Contract<I, O> = { name: string; input: z.ZodType<I>; output: z.ZodType<O> };

/** One Hasura action with its contract; `run` does everything between the parsed input and the reply. */
export type HasuraAction<D, O = unknown> = {
  name: string;
  input: z.ZodType;
  output: z.ZodType<O>;
  access: ActionAccess;
  /** Parses the input; what it returns runs the action for a caller whom `access` lets through. */
  prepare(input: unknown): (context: { caller: ActionCaller; deps: D }) => Promise<unknown>;
};

export function defineAction<I, O, D>(
  definition: Contract<I, O> & {
    access: { readonly kind: "anonymous" };
    run(input: I, context: { deps: D }): Promise<O>;
  },
): HasuraAction<D, O>;
export function defineAction<I, O, D>(
  definition: Contract<I, O> & {
    access: { readonly kind: "member"; readonly roles: readonly MemberRole[] };
    run(input: I, context: { caller: Caller; deps: D }): Promise<O>;
  },
): HasuraAction<D, O>;
export function defineAction<I, O, D>(
  definition: Contract<I, O> & {
    access: { readonly kind: "either"; readonly roles: readonly MemberRole[] };
    run(input: I, context: { caller: Caller | undefined; deps: D }): Promise<O>;
  },
): HasuraAction<D, O>;
export function defineAction<I, O, D>(
  definition: Contract<I, O> & {
    access: ActionAccess;
    run(input: I, context: { caller: unknown; deps: D }): Promise<O>;
  },
): HasuraAction<D, O> {
  const { name, input, output, access } = definition;
  return {
    name,
    input,
    output,
    access,
    prepare(value) {
      const parsed = parseInput(input, value);
      return async ({ caller, deps }) => {
        const member = caller.kind === "member" ? caller.member : undefined;
        if (access.kind === "member" && member === undefined) throw new AppError("FORBIDDEN", "sign in first");
        // A reply that breaks our own contract is our fault, not the caller's.
        return output.parse(await definition.run(parsed, { caller: member, deps }));
      };
    },
  };
}

export type RegisterActionsOptions<D> = {
  actions: readonly HasuraAction<D>[];
  secrets: readonly string[];
  deps: D;
  findMembership: (tenantId: string, userId: string) => Promise<{ role: MemberRole } | undefined>;
  /** Told about every FORBIDDEN of a caller whose session names a user and a tenant; writes the audit row. */
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
  "x-hasura-role": z.enum(HASURA_ROLES),
  "x-hasura-token-source": z.literal("access-key").optional(),
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
  return callAction(action, envelope.input, envelope.session_variables, request.id, options);
}

/**
 * Calls an action for whom the session variables name, as everything does that stands behind a proof of its own: Hasura's
 * secret, or a verified access token. Every FORBIDDEN of a caller who is known is reported.
 */
export async function callAction<D>(
  action: HasuraAction<D>,
  input: unknown,
  variables: Readonly<Record<string, string>>,
  requestId: string,
  options: Pick<RegisterActionsOptions<D>, "deps" | "findMembership" | "onDenied">,
): Promise<unknown> {
  // The input is judged first, then the caller; neither tells anything about the other.
  const run = action.prepare(input);
  const claimed = claimedCaller(action.access, variables, requestId);
  if (claimed.kind === "anonymous") return run({ caller: claimed, deps: options.deps });
  try {
    await requireLiveMember(claimed.member, action.access, options.findMembership);
    return await run({ caller: claimed, deps: options.deps });
  } catch (error) {
    if (error instanceof AppError && error.code === "FORBIDDEN") await options.onDenied?.(claimed.member, action.name);
    throw error;
  }
}

/** Whom the session names. The variables are believed behind the secret, but not yet that the membership still lives. */
function claimedCaller(
  access: ActionAccess,
  variables: Readonly<Record<string, string>>,
  requestId: string,
): ActionCaller {
  if (access.kind === "anonymous") return { kind: "anonymous" };
  // Behind this role Hasura takes every other variable from the client's own headers.
  if (access.kind === "either" && variables["x-hasura-role"] === "anonymous") return { kind: "anonymous" };
  const session = sessionSchema.safeParse(variables);
  if (!session.success) throw new AppError("FORBIDDEN", "not a member of a tenant");
  return {
    kind: "member",
    member: {
      userId: session.data["x-hasura-user-id"],
      tenantId: session.data["x-hasura-tenant-id"],
      role: memberRole(session.data["x-hasura-role"]),
      requestId,
      tokenSource: session.data["x-hasura-token-source"],
    },
  };
}

/** Tokens outlive memberships and roles, so both are read anew. */
async function requireLiveMember<D>(
  member: Caller,
  access: ActionAccess,
  findMembership: RegisterActionsOptions<D>["findMembership"],
): Promise<void> {
  const membership = await findMembership(member.tenantId, member.userId);
  if (membership?.role !== member.role) throw new AppError("FORBIDDEN", "not a member of this tenant with this role");
  if (access.kind !== "anonymous" && !access.roles.includes(member.role))
    throw new AppError("FORBIDDEN", `the role ${member.role} may not do this`);
}
