/**
 * A statement that PostgreSQL refused, as logs may know it: the SQLSTATE and names. PostgreSQL quotes rows and values in
 * `detail`, `where`, `internalQuery` and `hint`, and in the messages of its data exceptions and of functions.
 */
class StatementError extends Error {
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;

  constructor(code: string, names: { readonly constraint: string | undefined; readonly table: string | undefined }) {
    super(`a database statement failed with SQLSTATE ${code}`);
    this.name = "StatementError";
    this.code = code;
    this.constraint = names.constraint;
    this.table = names.table;
  }
}

/** Five characters make a SQLSTATE; anything else with a `code` is the network or the driver. */
export function sqlState(error: unknown): string | undefined {
  const code = textMember(error, "code");
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The error itself, or what of PostgreSQL's error holds no value. */
export function withoutValues(error: unknown): unknown {
  const state = sqlState(error);
  if (state === undefined || error instanceof StatementError) return error;
  return new StatementError(state, { constraint: textMember(error, "constraint"), table: textMember(error, "table") });
}

function textMember(error: unknown, name: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(error, name)?.value;
  return typeof value === "string" ? value : undefined;
}
