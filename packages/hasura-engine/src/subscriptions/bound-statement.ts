import { createHash } from "node:crypto";
import { HasuraError } from "../hasura-error.ts";
import type { Operation, RootField } from "../plan/plan.ts";
import type { Connection } from "../run/connections.ts";
import { compiledQuery, refuseLong } from "../run/execute-operation.ts";
import { type ResultRow, runStatement } from "../run/run-statement.ts";
import { type Bindings, bindParameters } from "../sql/bind-parameters.ts";
import { compileStream } from "../sql/compile-query.ts";
import type { CompileOptions, Statement } from "../sql/statement.ts";

/**
 * A statement, its own parameters taken out, with its values: two subscriptions with equal text and values see the same
 * rows.
 */
export type BoundStatement = {
  readonly statement: Statement;
  readonly values: readonly (string | null)[];
};

/** One root field of a live query. */
export type LivePart = { readonly alias: string } & (
  | { readonly kind: "constant"; readonly jsonText: string }
  | { readonly kind: "rows"; readonly bound: BoundStatement }
);

export type StreamPart = {
  readonly alias: string;
  readonly bound: BoundStatement;
  /** Place of the cursor among the values. */
  readonly cursorIndex: number;
};

/** What a subscription asks again and again. */
export type Polled =
  | { readonly kind: "live"; readonly parts: readonly LivePart[] }
  | { readonly kind: "stream"; readonly part: StreamPart };

/** Throws HasuraError where a session variable is missing or a value does not fit. */
export function bindSubscription(
  operation: Operation,
  bindings: Bindings,
  options: CompileOptions,
  statementLengthMax: number,
): Polled {
  const [first] = operation.rootFields;
  if (first?.kind === "table-stream") {
    const { statement, cursorIndex } = compileStream(first.stream, options);
    refuseLong(statement, statementLengthMax, `$.selectionSet.${first.field}`);
    return { kind: "stream", part: { alias: first.alias, bound: bind(statement, bindings), cursorIndex } };
  }
  const parts = operation.rootFields.map((field) => {
    const part = livePart(field, bindings, options);
    if (part.kind === "rows") refuseLong(part.bound.statement, statementLengthMax, `$.selectionSet.${field.field}`);
    return part;
  });
  return { kind: "live", parts };
}

function livePart(field: RootField, bindings: Bindings, options: CompileOptions): LivePart {
  switch (field.kind) {
    case "typename":
      return { alias: field.alias, kind: "constant", jsonText: JSON.stringify(field.value) };
    case "table-query":
      return { alias: field.alias, kind: "rows", bound: bind(compiledQuery(field.query, options), bindings) };
    case "table-stream":
    case "table-mutation":
    case "action":
    case "remote":
    case "introspection":
      throw new HasuraError("not-supported", `'${field.field}' cannot be subscribed to`);
    default:
      return field satisfies never;
  }
}

function bind(statement: Statement, bindings: Bindings): BoundStatement {
  return {
    statement: { ...statement, parameters: [] },
    values: bindParameters(statement.parameters, bindings),
  };
}

/**
 * Equal for subscriptions that one poll can serve. The statement's text stands for the normalised operation and the
 * role's filters, its values for the variables and session variables the operation really uses.
 */
export function cohortKey(polled: Polled): string {
  const parts: readonly (LivePart | StreamPart)[] = polled.kind === "stream" ? [polled.part] : polled.parts;
  const facts = parts.map((part) =>
    "bound" in part ? [part.alias, part.bound.statement.text, part.bound.values] : [part.alias, part.jsonText],
  );
  // Values may be long, and every member of a stream gets a key with each batch.
  return createHash("sha256")
    .update(JSON.stringify([polled.kind, ...facts]))
    .digest("base64");
}

/** The statement has no parameters left that a session could decide. */
const NOTHING_TO_BIND: Bindings = {
  variables: {},
  session: { role: "", variables: new Map(), backendOnly: false, admin: false, expiresAt: undefined },
};

export function runBound(connection: Connection, { statement, values }: BoundStatement): Promise<readonly ResultRow[]> {
  return runStatement(connection, statement, NOTHING_TO_BIND, "$", values);
}
