/** The codes Hasura v2 puts into `extensions.code`, as far as the engine uses them. */
export type HasuraErrorCode =
  | "access-denied"
  | "bad-request"
  | "coercion-error"
  | "constraint-error"
  | "constraint-violation"
  | "data-exception"
  | "invalid-headers"
  | "invalid-json"
  | "invalid-jwt"
  | "jwt-invalid-claims"
  | "jwt-missing-role-claims"
  | "not-found"
  | "not-supported"
  | "parse-failed"
  | "permission-error"
  | "remote-schema-error"
  | "unexpected"
  | "unexpected-payload"
  | "validation-failed";

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
