import { z } from "zod";
import { isOutage } from "./outage.ts";

type ErrorFacts = { readonly status: number; readonly area: string; readonly means: string };

/**
 * Every code a client can meet, with its one HTTP status. UPPER_SNAKE tells ours from Hasura's, which are kebab-case.
 * docs/errors.md is generated from this table.
 */
export const ERROR_CODES = {
  BAD_INPUT: { status: 400, area: "any", means: "the input does not fit the contract; `issues` says where" },
  UNAUTHENTICATED: { status: 401, area: "any", means: "no valid proof of who is calling" },
  FORBIDDEN: { status: 403, area: "any", means: "the caller may not do this" },
  NOT_FOUND: { status: 404, area: "any", means: "it does not exist, or not for this tenant" },
  METHOD_NOT_ALLOWED: { status: 405, area: "any", means: "another HTTP method is needed" },
  REQUEST_TIMEOUT: { status: 408, area: "any", means: "the request took too long to arrive" },
  CONFLICT: { status: 409, area: "any", means: "the present state does not allow this" },
  PAYLOAD_TOO_LARGE: { status: 413, area: "any", means: "the body is larger than allowed" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, area: "any", means: "another content type or encoding is needed" },
  RATE_LIMITED: { status: 429, area: "any", means: "too many requests; `retryAfterSeconds` says when to try again" },
  INTERNAL: { status: 500, area: "any", means: "a fault of ours; the request id leads to it in the logs" },
  UNAVAILABLE: { status: 503, area: "any", means: "a store or key provider is away; try again" },
  INVALID_CREDENTIALS: { status: 401, area: "identity", means: "e-mail or password is wrong, or no such membership" },
  SESSION_EXPIRED: { status: 401, area: "identity", means: "sign in again" },
  EMAIL_TAKEN: { status: 409, area: "identity", means: "an account with this e-mail exists" },
  SLUG_TAKEN: { status: 409, area: "identity", means: "a tenant with this slug exists" },
  PASSWORD_REJECTED: { status: 400, area: "identity", means: "the password does not meet the policy" },
  RESET_TOKEN_INVALID: { status: 400, area: "identity", means: "the reset token is unknown, used or expired" },
  TENANT_SELECTION_REQUIRED: { status: 409, area: "identity", means: "name one of `tenants`" },
  LAST_OWNER: { status: 409, area: "identity", means: "a tenant keeps at least one owner" },
  ALREADY_MEMBER: { status: 409, area: "invitations", means: "the person is a member" },
  INVITATION_PENDING: { status: 409, area: "invitations", means: "an open invitation exists; resend it" },
  INVITATION_NOT_FOUND: { status: 404, area: "invitations", means: "no such invitation" },
  INVITATION_EXPIRED: { status: 410, area: "invitations", means: "the invitation has expired" },
  INVITATION_REVOKED: { status: 410, area: "invitations", means: "the invitation was withdrawn or declined" },
  INVITATION_ALREADY_ACCEPTED: { status: 409, area: "invitations", means: "the invitation was accepted before" },
  INVITATION_EMAIL_MISMATCH: { status: 403, area: "invitations", means: "the invitation is for another e-mail" },
  VALIDATION_FAILED: { status: 422, area: "publishing", means: "`problems` lists what is wrong, with places" },
  PUBLISH_CONFLICT: { status: 409, area: "publishing", means: "somebody else published meanwhile" },
  NAME_TAKEN: { status: 409, area: "connections", means: "the name is in use" },
  CONNECTION_IN_USE: { status: 409, area: "connections", means: "`workflows` use this connection" },
  CREDENTIAL_UNAVAILABLE: { status: 409, area: "connections", means: "the credential could not be made ready" },
  INPUT_INVALID: {
    status: 400,
    area: "runs",
    means: "the input violates the workflow's inputSchema; `issues` says where",
  },
  WORKFLOW_NOT_PUBLISHED: { status: 409, area: "runs", means: "the workflow has no latest version, or is archived" },
  IDEMPOTENCY_KEY_REUSED: { status: 409, area: "runs", means: "the key was used for another call" },
  STALE_ATTEMPT: { status: 409, area: "runs", means: "the attempt is over: stop, write nothing more" },
  EVENT_INVALID: {
    status: 422,
    area: "runs",
    means: "event `index` of the batch is not acceptable; nothing was applied",
  },
  SIGNATURE_INVALID: { status: 401, area: "webhooks", means: "no such receiver, or not verified" },
  DEDUPE_KEY_CONFLICT: { status: 409, area: "webhooks", means: "the id was used with another body" },
  BODY_NOT_JSON: { status: 400, area: "webhooks", means: "announced as JSON, but it is not" },
  BODY_NOT_STORABLE: { status: 400, area: "webhooks", means: "the database cannot hold this body" },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A refusal. The message is for the caller: lower case, no secrets, nobody else's ids. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.status = ERROR_CODES[code].status;
    this.details = options.details ?? {};
  }
}

export type ErrorBody = { message: string; extensions: { code: string; requestId: string; [detail: string]: unknown } };
export type ErrorAnswer = { status: number; body: ErrorBody; retryAfterSeconds: number | undefined };

const statusCodeSchema = z.object({ statusCode: z.int().min(400).max(499), message: z.string() });

/** General code of a refusal by the framework itself. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "BAD_INPUT",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  408: "REQUEST_TIMEOUT",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "RATE_LIMITED",
};

const RETRY_AFTER_SECONDS = 5;

/** The one mapping from what was thrown to what is answered. Anything unknown is INTERNAL and says nothing. */
export function errorBody(error: unknown, requestId: string): ErrorAnswer {
  if (error instanceof AppError) return answer(error.code, error.message, error.details, requestId);
  const framework = statusCodeSchema.safeParse(error);
  if (framework.success) {
    return answer(
      CODE_OF_STATUS[framework.data.statusCode] ?? "BAD_INPUT",
      framework.data.message.toLowerCase(),
      {},
      requestId,
    );
  }
  if (isOutage(error))
    return answer("UNAVAILABLE", "a store or key provider is away or busy; try again", {}, requestId);
  return answer("INTERNAL", "internal error", {}, requestId);
}

function answer(
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>>,
  requestId: string,
): ErrorAnswer {
  const asked = details.retryAfterSeconds;
  const retryAfterSeconds =
    typeof asked === "number" ? asked : code === "UNAVAILABLE" ? RETRY_AFTER_SECONDS : undefined;
  return {
    status: ERROR_CODES[code].status,
    body: { message, extensions: { ...details, code, requestId } },
    retryAfterSeconds,
  };
}

/** Parses at a border. Throws `BAD_INPUT` with every issue and its path. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
  throw new AppError("BAD_INPUT", "the input is not acceptable", { details: { issues } });
}

/** docs/errors.md. */
export function renderErrorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { status, area, means }]) => `| \`${code}\` | ${status} | ${area} | ${means} |`,
  );
  return [
    "# Error codes",
    "",
    "Generated from `packages/service-kit/src/errors.ts` by `npm run gen`. Every refusal of a service has the body",
    "`{ message, extensions: { code, requestId, …details } }`, through Hasura as well as by direct HTTP.",
    "",
    "| code | HTTP status | area | means |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
