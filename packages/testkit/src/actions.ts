import { hasuraRole } from "@control-plane/service-kit";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { TestUser } from "./world/user.ts";

const refusalSchema = z.object({ message: z.string(), extensions: z.looseObject({ code: z.string() }) });

/** What the client of a Hasura action would see. */
export type ActionReply<O = unknown> =
  | { readonly outcome: "done"; readonly status: number; readonly output: O }
  | {
      readonly outcome: "refused";
      readonly status: number;
      readonly code: string;
      readonly message: string;
      /** `code`, `requestId` and the details of the refusal. */
      readonly extensions: Readonly<Record<string, unknown>>;
    };

/** Enough of an action's constant: its name, and its output schema where it shows one. */
export type CallableAction = { readonly name: string; readonly output?: unknown };
/** A list of actions has forgotten what each one's output is; then it is an object of unknowns. */
export type OutputOf<A> = A extends { readonly output: z.ZodType<infer O> }
  ? unknown extends O
    ? Record<string, unknown>
    : O
  : Record<string, unknown>;

export type CallOptions = {
  /** Instead of the bound secret; null leaves the header out. */
  secret?: string | null;
  /** Laid over the session variables of the user. */
  session?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
};

export type Actions = {
  /** The server whose `/actions/*` are called, and the secret that opens them. */
  bind(server: FastifyInstance, secret: string): void;
  /** Calls through the real envelope, as Hasura would for this user. */
  call<A extends CallableAction>(
    action: A,
    caller: TestUser | "anonymous",
    input: unknown,
    options?: CallOptions,
  ): Promise<ActionReply<OutputOf<A>>>;
  /** The same, and the output; throws when it was refused. */
  succeed<A extends CallableAction>(
    action: A,
    caller: TestUser | "anonymous",
    input: unknown,
    options?: CallOptions,
  ): Promise<OutputOf<A>>;
};

/** Session variables as Hasura sends them: keys in lower case, values as text. */
export function sessionVariables(caller: TestUser | "anonymous"): Record<string, string> {
  if (caller === "anonymous") return { "x-hasura-role": "anonymous" };
  return {
    "x-hasura-role": hasuraRole(caller.role),
    "x-hasura-user-id": caller.id,
    "x-hasura-tenant-id": caller.tenantId,
  };
}

export function createActions(): Actions {
  let bound: { server: FastifyInstance; secret: string } | undefined;
  const call: Actions["call"] = async (action, caller, input, options = {}) => {
    if (bound === undefined) throw new Error("actions.bind(server, secret) comes before the first call");
    const secret = options.secret === undefined ? bound.secret : options.secret;
    const response = await bound.server.inject({
      method: "POST",
      url: `/actions/${action.name}`,
      headers: { ...(secret === null ? {} : { "x-action-secret": secret }), ...options.headers },
      payload: {
        action: { name: action.name },
        input: JSON.parse(JSON.stringify(input)),
        session_variables: { ...sessionVariables(caller), ...options.session },
        request_query: `mutation { ${action.name} }`,
      },
    });
    return readReply(response.statusCode, response.body);
  };
  return {
    bind(server, secret) {
      bound = { server, secret };
    },
    call,
    async succeed(action, caller, input, options) {
      const reply = await call(action, caller, input, options);
      if (reply.outcome === "done") return reply.output;
      throw new Error(
        `${action.name} was refused: ${reply.status} ${reply.code}: ${reply.message} ${JSON.stringify(reply.extensions)}`,
      );
    },
  };
}

function readReply<O>(status: number, text: string): ActionReply<O> {
  const body: unknown = JSON.parse(text);
  // The server has checked its output against the action's own schema.
  if (status >= 200 && status < 300) return { outcome: "done", status, output: body as O };
  const { message, extensions } = refusalSchema.parse(body);
  return { outcome: "refused", status, code: extensions.code, message, extensions };
}
