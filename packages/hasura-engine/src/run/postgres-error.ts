import { HasuraError, type HasuraErrorCode } from "../hasura-error.ts";
import { sqlState, withoutValues } from "../statement-error.ts";

type Refusal = { readonly code: HasuraErrorCode; readonly message: (text: string) => string };

const prefixed = (code: HasuraErrorCode, prefix: string): Refusal => ({ code, message: (text) => `${prefix}${text}` });

/** SQLSTATEs that Hasura's clients see as more than a database error. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  "23505": prefixed("constraint-violation", "Uniqueness violation. "),
  "23503": prefixed("constraint-violation", "Foreign key violation. "),
  "23502": prefixed("constraint-violation", "Not-NULL violation. "),
  "23P01": prefixed("constraint-violation", "Exclusion violation. "),
  "23001": prefixed("constraint-violation", "Can not delete or update due to data being referred. "),
  "23514": prefixed("permission-error", "Check constraint violation. "),
  "22025": prefixed("bad-request", ""),
  "42P10": {
    code: "constraint-error",
    message: () => "there is no unique or exclusion constraint on target column(s)",
  },
  "42704": prefixed("constraint-error", ""),
};

/**
 * A driver error as Hasura shows it. Server text reaches clients only for the states of the table above and class 22;
 * PostgreSQL's detail and hint, which quote rows, reach nobody.
 */
export function mapPostgresError(error: unknown, path: string): unknown {
  const state = sqlState(error);
  if (state === undefined || !(error instanceof Error)) return error;
  const { message } = error;
  const refusal = REFUSALS[state] ?? (state.startsWith("22") ? prefixed("data-exception", "") : undefined);
  const internal = {
    error: { exec_status: "FatalError", message, status_code: state, description: null, hint: null },
  };
  const options = { internal, cause: withoutValues(error) };
  if (refusal === undefined) return new HasuraError("unexpected", "database query error", path, options);
  return new HasuraError(refusal.code, refusal.message(message), path, options);
}
