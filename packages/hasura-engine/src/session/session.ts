import type { Spent } from "../plan/document-budget.ts";
import type { Caller } from "./caller.ts";
import type { Holder } from "./holder.ts";

/** Who asks. Made by the HTTP and socket edges, trusted by everything behind. */
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
  /** On whose account it is; only what bounds all together bounds a request without one. */
  readonly holder?: Holder;
  /** A request without one is worked on to its end. */
  readonly caller?: Caller;
  /** Shared by the documents of one body; a document without one stands for itself. */
  readonly spent?: Spent;
};
