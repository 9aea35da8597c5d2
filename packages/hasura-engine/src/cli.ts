import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createLogger, isOutage, runUntilSignal, settingProblem } from "@control-plane/service-kit";
import { buildSchema } from "graphql";
import { createEngine, type Engine } from "./engine.ts";
import { HasuraError } from "./hasura-error.ts";
import type { Introspect } from "./load-state.ts";
import { loadMetadata } from "./metadata/load-metadata.ts";
import type { Metadata } from "./metadata/metadata.ts";
import { MetadataRefusedError, problemText } from "./metadata/problem.ts";
import { introspectRemote } from "./remote-schema/introspect-remote.ts";
import { compileOptions } from "./run/compile-options.ts";
import type { MetadataHolder } from "./server/served-engine.ts";
import { buildServer } from "./server.ts";
import { type EngineSettings, SettingsError, settingsFromEnv } from "./settings.ts";
import { printStatements } from "./sql/print-statements.ts";
import { warmUp } from "./warm-up.ts";

const USAGE = `usage: hasura-engine <command>
  serve                     serves HASURA_METADATA_DIR over the database
  check                     exits 1 when the metadata is refused or anything in it is inconsistent
  sdl --role ROLE           prints the role's schema
  sql --role ROLE FILE      prints the statements of the document in FILE; --variables JSON gives its variables
options
  --remote NAME=FILE        takes the types of remote schema NAME from an SDL file instead of asking for them (repeatable; not for serve)`;

const SHUTDOWN_DEADLINE_MS = 10_000;

async function main(): Promise<number | undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      role: { type: "string" },
      remote: { type: "string", multiple: true, default: [] },
      variables: { type: "string", default: "{}" },
    },
  });
  const [command, file] = positionals;
  const settings = settingsFromEnv(process.env);
  switch (command) {
    case "serve":
      await serve(settings);
      return undefined;
    case "check":
      return withEngine(settings, values.remote, check);
    case "sdl":
      return withEngine(settings, values.remote, async (engine) => print(engine.sdl(required(values.role, "--role"))));
    case "sql":
      return withEngine(settings, values.remote, async (engine) => {
        const query = await readFile(required(file, "FILE"), "utf8");
        const body = `{"query":${JSON.stringify(query)},"variables":${values.variables}}`;
        return print(statementsOf(body, required(values.role, "--role"), engine, settings));
      });
    default:
      throw new UsageError(USAGE);
  }
}

class UsageError extends Error {}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw new UsageError(`${what} is missing\n${USAGE}`);
  return value;
}

function print(text: string): number {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  return 0;
}

function statementsOf(body: string, role: string, engine: Engine, settings: EngineSettings): string {
  const variables = new Map<string, string>();
  const session = { role, variables, backendOnly: false, admin: role === "admin", expiresAt: undefined };
  return engine
    .parseRequestBody(body)
    .requests.map((request) =>
      printStatements(engine.plan(request, session).operation, compileOptions(session, settings)),
    )
    .join("\n");
}

async function serve(settings: EngineSettings): Promise<void> {
  const log = createLogger({ service: "hasura-engine", level: process.env.LOG_LEVEL ?? "info" });
  log.warn({}, "this engine is made for development and tests; production runs hasura/graphql-engine");
  const metadata = await readMetadata(settings);
  const engine = await createEngine({ metadata, databaseUrl: databaseUrlOf(metadata), settings, log });
  const server = await buildServer(engine, {
    settings,
    metadata: metadataHolder(engine, settings),
    onInternalError: (error, requestId) =>
      log.error({ err: error, requestId }, "a request failed by an error of the engine"),
  }).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  const closing = new AbortController();
  const close = (): Promise<void> => {
    closing.abort();
    return engine.close();
  };
  runUntilSignal({ server, log, close, deadlineMs: SHUTDOWN_DEADLINE_MS });
  // Its own connections to PostgreSQL would keep a process alive that nobody can reach.
  const url = await server.listen({ host: settings.host, port: settings.port }).catch(async (error: unknown) => {
    await server.close();
    await engine.close();
    throw error;
  });
  log.info({ url, inconsistencies: engine.inconsistencies().length }, "the engine listens");
  await warmUp(engine, closing.signal);
}

/** What `/v1/metadata` works on: the directory, read anew for `reload_metadata`. */
function metadataHolder(engine: Engine, settings: EngineSettings): MetadataHolder {
  return {
    current: () => engine.state().metadata.raw,
    async reload() {
      try {
        await engine.reload(await readMetadata(settings));
      } catch (error) {
        if (error instanceof MetadataRefusedError) throw new HasuraError("not-supported", error.message);
        throw error;
      }
    },
  };
}

async function readMetadata(settings: EngineSettings): Promise<Metadata> {
  const loaded = await loadMetadata(required(settings.metadataDir, "HASURA_METADATA_DIR"), settings.env);
  if ("problems" in loaded) throw new MetadataRefusedError(loaded.problems);
  return loaded.metadata;
}

function databaseUrlOf({ databaseUrl, source }: Metadata): string {
  if (databaseUrl !== undefined) return databaseUrl;
  const url = source.configuration.connection_info.database_url;
  const name = typeof url === "object" && "from_env" in url ? url.from_env : "database_url";
  throw new SettingsError([`${name}: must be set`]);
}

async function withEngine(
  settings: EngineSettings,
  remotes: readonly string[],
  work: (engine: Engine) => Promise<number>,
): Promise<number> {
  const metadata = await readMetadata(settings);
  const introspect = await introspectFromFiles(remotes);
  const engine = await createEngine({
    metadata,
    databaseUrl: databaseUrlOf(metadata),
    settings,
    introspect,
    events: false,
  });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** Lets `check` and `sdl` work while the remote schemas are not running. */
async function introspectFromFiles(remotes: readonly string[]): Promise<Introspect> {
  const schemas = new Map<string, ReturnType<typeof buildSchema>>();
  for (const remote of remotes) {
    const [name = "", file = ""] = remote.split(/=(.*)/s);
    schemas.set(name, buildSchema(await readFile(file, "utf8")));
  }
  return async (address) => schemas.get(address.name) ?? introspectRemote(address);
}

async function check(engine: Engine): Promise<number> {
  const found = engine.inconsistencies();
  for (const { name, reason } of found) process.stderr.write(`${name}: ${reason}\n`);
  if (found.length > 0) return 1;
  return print(`the metadata is consistent: ${engine.state().model.tables.size} tables`);
}

/** Our names of the settings are not Hasura's. */
function bootProblem(error: unknown): string | undefined {
  const problem = settingProblem(error);
  if (problem !== undefined) return `HASURA_GRAPHQL_SERVER_${problem.name}: ${problem.message}`;
  if (!isOutage(error) || !(error instanceof Error)) return undefined;
  return `PG_DATABASE_URL: PostgreSQL cannot be reached; start it, or mend the address (${"code" in error ? error.code : error.message})`;
}

function tell(error: unknown): number {
  const problem = bootProblem(error);
  if (problem !== undefined) process.stderr.write(`hasura-engine: cannot start:\n  ${problem}\n`);
  else if (error instanceof MetadataRefusedError)
    process.stderr.write(`${error.problems.map(problemText).join("\n")}\n`);
  else if (error instanceof SettingsError) process.stderr.write(`${error.problems.join("\n")}\n`);
  else if (error instanceof UsageError) process.stderr.write(`${error.message}\n`);
  else if (error instanceof HasuraError) process.stderr.write(`${error.code} at ${error.path}: ${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

const exitCode = await main().catch(tell);
// Not process.exit: what was printed into a pipe would be cut off.
if (exitCode !== undefined) process.exitCode = exitCode;
