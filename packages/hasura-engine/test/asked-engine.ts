import { createEngine, type Engine } from "../src/engine.ts";
import { HasuraError, PassedThroughError } from "../src/hasura-error.ts";
import { parseMetadata } from "../src/metadata/parse-metadata.ts";
import { problemText } from "../src/metadata/problem.ts";
import { UNBOUND } from "../src/session/holder.ts";
import { settingsFromEnv } from "../src/settings.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

/** What a request got: `data`, or code, path and message of the error, or errors of somebody else. */
export type Reply = { readonly data: unknown } | { readonly error: string } | { readonly errors: readonly unknown[] };
export type Question = {
  readonly role?: string;
  readonly session?: Readonly<Record<string, string>>;
  readonly variables?: object;
  readonly headers?: Readonly<Record<string, string>>;
};

/** An engine over a database of its own, for tests of what crosses several folders. */
export type AskedEngine = {
  readonly engine: Engine;
  readonly database: TestDatabase;
  ask(query: string, question?: Question): Promise<Reply>;
  close(): Promise<void>;
};

export type EngineParts = {
  readonly sql: string;
  readonly tables: readonly object[];
  /** Further keys of the metadata object. */
  readonly root?: object;
  readonly env?: Readonly<Record<string, string>>;
};

export async function startAskedEngine({ sql, tables, root = {}, env = {} }: EngineParts): Promise<AskedEngine> {
  const database = await createTestDatabase(sql);
  const configuration = { connection_info: { database_url: "postgres://unused" } };
  const sources = [{ name: "default", kind: "postgres", configuration, tables }];
  const parsed = parseMetadata({ version: 3, sources, ...root }, {});
  if ("problems" in parsed) throw new Error(parsed.problems.map(problemText).join("\n"));
  const settings = settingsFromEnv({ HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true", ...env });
  const engine = await createEngine({ metadata: parsed.metadata, databaseUrl: database.url, settings });
  return {
    engine,
    database,
    ask: (query, question) => ask(engine, query, question),
    async close() {
      await engine.close();
      await database.drop();
    },
  };
}

async function ask(engine: Engine, query: string, question: Question = {}): Promise<Reply> {
  const { role = "admin", session = {}, variables = {}, headers = {} } = question;
  try {
    const [request] = engine.parseRequestBody(JSON.stringify({ query, variables })).requests;
    if (request === undefined) throw new Error("no request was read");
    const { dataText } = await engine.execute(request, {
      session: {
        role,
        variables: new Map(Object.entries({ "x-hasura-role": role, ...session })),
        backendOnly: false,
        admin: role === "admin",
        expiresAt: undefined,
      },
      clientHeaders: new Map(Object.entries(headers)),
      requestId: "request-1",
      holder: UNBOUND,
    });
    return { data: JSON.parse(dataText) };
  } catch (error) {
    if (error instanceof PassedThroughError) return { errors: error.errors };
    if (error instanceof HasuraError) return { error: `${error.code} ${error.path} ${error.message}` };
    throw error;
  }
}

/** Keys in their order, which `toEqual` does not see. */
export function textOf(reply: Reply): string {
  return JSON.stringify("data" in reply ? reply.data : reply);
}
