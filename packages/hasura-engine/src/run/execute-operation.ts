import { HasuraError } from "../hasura-error.ts";
import type { Json } from "../json/exact-json.ts";
import { beyond } from "../plan/document-budget.ts";
import { hasJoins, type JoinTarget, targetOfMutation, targetOfQuery } from "../plan/join-rows.ts";
import type { ActionCall, Operation, RemoteCall, RootField, TableQuery } from "../plan/plan.ts";
import type { Caller } from "../session/caller.ts";
import type { RequestContext } from "../session/session.ts";
import type { Bindings } from "../sql/bind-parameters.ts";
import { compileTableQuery } from "../sql/compile-query.ts";
import type { CompileOptions, Statement } from "../sql/statement.ts";
import { ANSWER_BYTES_MAX, AnswerTooLargeError } from "./bounded-socket.ts";
import type { Connection, Connections } from "./connections.ts";
import { mapPostgresError } from "./postgres-error.ts";
import { runTableMutation } from "./run-mutation.ts";
import { runStatement, textOf } from "./run-statement.ts";

/** What other folders contribute to the answer of a document. */
export type ExecutionDeps = {
  readonly connections: Connections;
  readonly options: CompileOptions;
  readonly statementLengthMax: number;
  readonly runAction: (
    call: ActionCall,
    context: RequestContext,
  ) => Promise<{ readonly jsonText: string; readonly setCookie: readonly string[] }>;
  readonly runRemote: (calls: readonly RemoteCall[], context: RequestContext) => Promise<ReadonlyMap<string, string>>;
  readonly joinRemotes: (target: JoinTarget, jsonText: string, context: RequestContext) => Promise<string>;
  readonly runIntrospection: (field: Extract<RootField, { kind: "introspection" }>) => string;
};

export type Execution = { readonly context: RequestContext; readonly variables: Readonly<Record<string, Json>> };
export type Answer = { readonly dataText: string; readonly setCookie: readonly string[] };

type Part = { readonly alias: string; readonly text: string; readonly setCookie: readonly string[] };

/** Statements of one document that may run at the same time; the pool is shared by all documents. */
const PARALLEL_MAX = 4;

/** Runs a planned query or mutation. `dataText` is the JSON text of `data`, in document order. */
export async function executeOperation(
  operation: Operation,
  execution: Execution,
  deps: ExecutionDeps,
): Promise<Answer> {
  const [only, ...others] = operation.rootFields;
  if (operation.kind === "query" && only !== undefined && only.kind !== "remote" && others.length === 0) {
    const { text, setCookie } = await runField(only, execution, deps, deps.connections);
    return { dataText: `{${JSON.stringify(only.alias)}:${text}}`, setCookie };
  }
  const parts =
    operation.kind === "mutation"
      ? await runMutation(operation, execution, deps)
      : await runQuery(operation, execution, deps);
  const byAlias = new Map(parts.map((part) => [part.alias, part]));
  const members = operation.rootFields.map(
    ({ alias }) => `${JSON.stringify(alias)}:${byAlias.get(alias)?.text ?? "null"}`,
  );
  return { dataText: `{${members.join(",")}}`, setCookie: parts.flatMap(({ setCookie }) => setCookie) };
}

async function runQuery(operation: Operation, execution: Execution, deps: ExecutionDeps): Promise<Part[]> {
  const answered: Part[] = [];
  let size = 0;
  const remotes = remoteGroups(operation).map((group) => () => runRemoteGroup(group, execution, deps));
  const others = operation.rootFields
    .filter(({ kind }) => kind !== "remote")
    .map((field) => async () => [await runField(field, execution, deps, deps.connections)]);
  const keep = (parts: readonly Part[]): void => {
    for (const part of parts) size += part.text.length;
    if (size > ANSWER_BYTES_MAX) throw new AnswerTooLargeError(ANSWER_BYTES_MAX);
    answered.push(...parts);
  };
  await inParallel([...remotes, ...others], keep, execution.context.caller);
  return answered;
}

/**
 * A failure ends the document, and so does a client that goes away; what already runs is waited for, so that nothing goes
 * on behind an answer. Of several failures the one that stands first is told: all before it have begun, so it is the
 * same each time, whichever statement is faster.
 */
async function inParallel<T>(
  work: readonly (() => Promise<T>)[],
  keep: (result: T) => void,
  caller: Caller | undefined,
): Promise<void> {
  const failures: { readonly place: number; readonly error: unknown }[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (failures.length === 0) {
      const place = begun++;
      const next = work[place];
      if (next === undefined) return;
      try {
        if (caller?.isGone() === true) throw new HasuraError("bad-request", "the client has gone away");
        keep(await next());
      } catch (error) {
        failures.push({ place, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, work.length) }, worker));
  const [first] = failures.toSorted((one, other) => one.place - other.place);
  if (first !== undefined) throw first.error;
}

type RemoteField = Extract<RootField, { kind: "remote" }>;

/** Root fields of one remote schema go out as one request. */
function remoteGroups(operation: Operation): RemoteField[][] {
  const groups = new Map<string, RemoteField[]>();
  for (const field of operation.rootFields) {
    if (field.kind === "remote")
      groups.set(field.call.remote.name, [...(groups.get(field.call.remote.name) ?? []), field]);
  }
  return [...groups.values()];
}

async function runRemoteGroup(
  fields: readonly RemoteField[],
  { context }: Execution,
  deps: ExecutionDeps,
): Promise<Part[]> {
  const texts = await deps.runRemote(
    fields.map(({ call }) => call),
    context,
  );
  return fields.map(({ alias, call }) => ({ alias, text: texts.get(call.node.alias) ?? "null", setCookie: [] }));
}

/** Table mutations alone share one transaction; beside an action or remote field each root field stands for itself. */
async function runMutation(operation: Operation, execution: Execution, deps: ExecutionDeps): Promise<Part[]> {
  const tablesOnly = operation.rootFields.every(({ kind }) => kind === "table-mutation" || kind === "typename");
  if (tablesOnly) {
    const parts = await inSession(execution, deps, async (connection) => {
      const written: Part[] = [];
      for (const field of operation.rootFields) written.push(await runField(field, execution, deps, connection));
      return written;
    });
    return joinMutations(operation, parts, execution, deps);
  }
  const parts: Part[] = [];
  for (const field of operation.rootFields) {
    if (field.kind === "table-mutation") {
      const part = await inSession(execution, deps, (connection) => runField(field, execution, deps, connection));
      parts.push(...(await joinMutations({ ...operation, rootFields: [field] }, [part], execution, deps)));
    } else if (field.kind === "remote") parts.push(...(await runRemoteGroup([field], execution, deps)));
    else parts.push(await runField(field, execution, deps, deps.connections));
  }
  return parts;
}

/** Remote schemas are asked after the commit: no transaction stays open over a network call. */
async function joinMutations(
  operation: Operation,
  parts: readonly Part[],
  execution: Execution,
  deps: ExecutionDeps,
): Promise<Part[]> {
  const joined: Part[] = [];
  for (const part of parts) {
    const field = operation.rootFields.find(({ alias }) => alias === part.alias);
    const target = field?.kind === "table-mutation" ? targetOfMutation(field.mutation) : undefined;
    const text =
      target !== undefined && hasJoins(target)
        ? await deps.joinRemotes(target, part.text, execution.context)
        : part.text;
    joined.push({ ...part, text });
  }
  return joined;
}

async function runField(
  field: RootField,
  execution: Execution,
  deps: ExecutionDeps,
  connection: Connection,
): Promise<Part> {
  const bindings: Bindings = { variables: execution.variables, session: execution.context.session };
  const plain = (text: string): Part => ({ alias: field.alias, text, setCookie: [] });
  switch (field.kind) {
    case "typename":
      return plain(JSON.stringify(field.value));
    case "introspection":
      return plain(deps.runIntrospection(field));
    case "table-query": {
      const statement = compiledQuery(field.query, deps.options);
      refuseLong(statement, deps.statementLengthMax, `$.selectionSet.${field.field}`);
      const text = textOf(await runStatement(connection, statement, bindings), "data");
      const target = joinsOf(field.query);
      return plain(target === undefined ? text : await deps.joinRemotes(target, text, execution.context));
    }
    case "table-mutation":
      return plain(await runTableMutation({ connection, bindings, options: deps.options }, field.mutation));
    case "action": {
      const { jsonText, setCookie } = await deps.runAction(field.call, execution.context);
      return { alias: field.alias, text: jsonText, setCookie };
    }
    case "remote":
    case "table-stream":
      throw new HasuraError("unexpected", "this field cannot run here");
  }
}

/** Throws before PostgreSQL has to parse and plan it. */
export function refuseLong({ text }: Statement, lengthMax: number, path: string): void {
  if (text.length > lengthMax) throw beyond(`the SQL of the document is longer than ${lengthMax} characters`, path);
}

/** A plan that comes back from the plan cache brings its compiled SQL with it. */
const compiled = new WeakMap<TableQuery, { options: CompileOptions; statement: Statement }>();

export function compiledQuery(query: TableQuery, options: CompileOptions): Statement {
  const known = compiled.get(query);
  if (
    known !== undefined &&
    known.options.stringifyNumericTypes === options.stringifyNumericTypes &&
    known.options.listBytesMax === options.listBytesMax
  )
    return known.statement;
  const statement = compileTableQuery(query, options);
  compiled.set(query, { options, statement });
  return statement;
}

const joins = new WeakMap<TableQuery, { target: JoinTarget | undefined }>();

/** What of a query's rows is joined from remote schemas; undefined where nothing is. */
function joinsOf(query: TableQuery): JoinTarget | undefined {
  const known = joins.get(query);
  if (known !== undefined) return known.target;
  const target = targetOfQuery(query);
  const found = { target: hasJoins(target) ? target : undefined };
  joins.set(query, found);
  return found.target;
}

/** With the session told to the database first: audit and event triggers read it. */
async function inSession<T>(
  { context }: Execution,
  { connections }: ExecutionDeps,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  try {
    return await connections.transaction(async (connection) => {
      await connection.query({
        text: "SELECT set_config('hasura.user', $1, true), set_config('hasura.tracecontext', $2, true)",
        values: sessionSettings(context),
      });
      return work(connection);
    });
  } catch (error) {
    throw mapPostgresError(error, "$");
  }
}

function sessionSettings({ session, clientHeaders }: RequestContext): [user: string, trace: string] {
  const user = JSON.stringify(Object.fromEntries(session.variables));
  const [, traceId, spanId] = (clientHeaders.get("traceparent") ?? "").split("-");
  const trace =
    traceId === undefined || spanId === undefined ? "" : JSON.stringify({ trace_id: traceId, span_id: spanId });
  return [user, trace];
}
