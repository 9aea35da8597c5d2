import { HasuraError, PassedThroughError } from "../hasura-error.ts";
import { withoutValues } from "../statement-error.ts";

/** Who may see `extensions.internal`. */
export type InternalView = {
  readonly admin: boolean;
  readonly devMode: boolean;
  readonly adminInternalErrors: boolean;
};

/** One element of `errors`. */
export type GraphqlError = { readonly message: string; readonly extensions: Readonly<Record<string, unknown>> };

/** Anything that is not an answer to the client is an error of the engine: it is named `unexpected`, without details. */
export function toHasuraError(error: unknown): HasuraError {
  if (error instanceof HasuraError) return error;
  const cause = withoutValues(error);
  const internal = { error: cause instanceof Error ? cause.message : "something else than an error was thrown" };
  return new HasuraError("unexpected", "internal error", "$", { cause, internal });
}

/** Elements of `errors`, in HTTP answers and socket messages alike. */
export function graphqlErrors(error: unknown, view: InternalView): readonly unknown[] {
  if (error instanceof PassedThroughError) return error.errors;
  const { message, path, code, internal } = toHasuraError(error);
  const shown = internal !== undefined && (view.devMode || (view.admin && view.adminInternalErrors));
  return [{ message, extensions: { path, code, ...(shown ? { internal } : {}) } } satisfies GraphqlError];
}

/** JSON text of a failed GraphQL answer. */
export function errorBody(error: unknown, view: InternalView): string {
  const errors = graphqlErrors(error, view);
  return JSON.stringify(error instanceof PassedThroughError ? { data: null, errors } : { errors });
}
