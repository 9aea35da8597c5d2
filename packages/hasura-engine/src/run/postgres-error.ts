import { HasuraError, type HasuraErrorCode } from "../hasura-error.ts";

type Fault = { readonly code: HasuraErrorCode; readonly message: (text: string) => string };

const prefixed = (code: HasuraErrorCode, prefix: string): Fault => ({ code, message: (text) => `${prefix}${text}` });

/** SQLSTATEs that clients see as more than a database error (hasura-semantics.md B.3). */
const FAULTS: Readonly<Record<string, Fault>> = {
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

/** A driver error as Hasura shows it. Server text reaches clients only for the states of the table above and class 22. */
export function mapPostgresError(error: unknown, path: string): unknown {
  const facts = postgresFacts(error);
  if (facts === undefined) return error;
  const { state, message } = facts;
  const fault = FAULTS[state] ?? (state.startsWith("22") ? prefixed("data-exception", "") : undefined);
  const internal = {
    error: {
      exec_status: "FatalError",
      message,
      status_code: state,
      description: facts.detail ?? null,
      hint: facts.hint ?? null,
    },
  };
  if (fault === undefined)
    return new HasuraError("unexpected", "database query error", path, { internal, cause: error });
  return new HasuraError(fault.code, fault.message(message), path, { internal, cause: error });
}

/** Five characters make a SQLSTATE; anything else with a `code` is the network or the driver. */
function postgresFacts(
  error: unknown,
): { state: string; message: string; detail: string | undefined; hint: string | undefined } | undefined {
  if (
    !(error instanceof Error) ||
    !("code" in error) ||
    typeof error.code !== "string" ||
    !/^[0-9A-Z]{5}$/.test(error.code)
  )
    return undefined;
  const text = (name: "detail" | "hint"): string | undefined => {
    const value: unknown = name in error ? Reflect.get(error, name) : undefined;
    return typeof value === "string" ? value : undefined;
  };
  return { state: error.code, message: error.message, detail: text("detail"), hint: text("hint") };
}
