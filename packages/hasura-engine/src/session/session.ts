/** Who asks. Made by the HTTP and socket edges (B.2), trusted by everything behind. */
export type Session = {
  /** `admin` sees everything. */
  readonly role: string;
  /** Lower-case names with `x-hasura-` prefix, `x-hasura-role` included; values are strings. */
  readonly variables: ReadonlyMap<string, string>;
  /** Mutations with `backend_only` exist for the session. */
  readonly backendOnly: boolean;
  readonly admin: boolean;
  /** Unix seconds; a socket of this session is closed then. */
  readonly expiresAt: number | undefined;
};

/** What else of the request actions and remote schemas may forward. */
export type RequestContext = {
  readonly session: Session;
  /** Lower-case client header names. */
  readonly clientHeaders: ReadonlyMap<string, string>;
  readonly requestId: string;
  /** Aborted when the client goes away or the engine closes. */
  readonly signal: AbortSignal | undefined;
};
