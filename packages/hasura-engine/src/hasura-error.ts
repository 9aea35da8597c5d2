/** The codes Hasura v2 puts into `extensions.code`, as far as the engine uses them, and what they tell a client. */
export const HASURA_ERROR_CODES = {
  "access-denied": "a wrong admin secret, a role that the token does not have, or a socket that may not be opened",
  "bad-request": "the request is too large, or too much of one tenant or user is under way",
  "coercion-error": "a preset of a remote field does not fit the session variable",
  "constraint-error": "metadata names a constraint that the database does not have",
  "constraint-violation": "the row is a duplicate, or refers to one that does not exist",
  "data-exception": "PostgreSQL cannot read a value, such as a malformed uuid or a number out of range",
  "invalid-headers": "there is no token where one is needed",
  "invalid-json": "the body is no JSON",
  "invalid-jwt": "the token is malformed, has run out, or is signed by nobody known: refresh, or sign in again",
  "jwt-invalid-claims": "the token's claims have a wrong form",
  "jwt-missing-role-claims": "the token names no role",
  "not-found": "there is no such path",
  "not-supported": "the table, view or protocol cannot do this",
  "parse-failed": "a value or a document cannot be read",
  "permission-error": "the row is not one that the role may write, or breaks a rule of the database",
  "remote-schema-error": "the service behind a remote field is away, or answered with an error",
  unexpected: "a fault, of ours or of a service that was asked",
  "unexpected-payload": "the request has a part that its place does not take",
  "validation-failed": "the document does not fit what the role can see: a field, an argument or a type is unknown",
} as const;
export type HasuraErrorCode = keyof typeof HASURA_ERROR_CODES;

/** A failure the client sees in Hasura's shape. `internal` is shown to the role `admin` (and in dev mode) only. */
export class HasuraError extends Error {
  readonly code: HasuraErrorCode;
  /** Hasura's path grammar: `$`, `.selectionSet.<field>`, `.args.<name>`, keys, `[i]`. */
  readonly path: string;
  /** No property that a log's serializer or JSON.stringify would find. */
  readonly #internal: unknown;

  constructor(
    code: HasuraErrorCode,
    message: string,
    path = "$",
    options: { internal?: unknown; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HasuraError";
    this.code = code;
    this.path = path;
    this.#internal = options.internal;
  }

  get internal(): unknown {
    return this.#internal;
  }
}

/**
 * Errors handed through exactly as an action handler or a remote schema gave them. Each entry is one element
 * of the answer's `errors`; the answer carries `data: null` beside them.
 */
export class PassedThroughError extends Error {
  readonly errors: readonly unknown[];
  /** Header values of an action's answer that still go to the client. */
  readonly setCookie: readonly string[];

  constructor(errors: readonly unknown[], setCookie: readonly string[] = []) {
    super("the upstream answered with errors");
    this.name = "PassedThroughError";
    this.errors = errors;
    this.setCookie = setCookie;
  }
}
