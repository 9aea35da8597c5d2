import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { ENGINE_NODE_OPTIONS } from "../../src/node-options.ts";
import { ADMIN_SECRET, JWT_KEY, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { schemaSql } from "./tables.ts";

/** The role's own bounds out of the way: what is left are those that keep the process alive. */
const PROCESS_BOUNDS = {
  HASURA_ENGINE_DOCUMENT_FIELDS_MAX: "20000",
  HASURA_ENGINE_DOCUMENT_ROOT_FIELDS_MAX: "20000",
  HASURA_ENGINE_DOCUMENT_SUBQUERIES_MAX: "20000",
  HASURA_ENGINE_DOCUMENT_CONDITION_RELATIONSHIPS_MAX: "20000",
  HASURA_ENGINE_DOCUMENT_CONDITION_DEPTH_MAX: "1000",
  HASURA_ENGINE_DOCUMENT_WRITES_MAX: "1000000",
  HASURA_ENGINE_DOCUMENT_INTROSPECTION_VALUES_MAX: "2000000",
  HASURA_ENGINE_STATEMENT_LENGTH_MAX: "1000000000",
  HASURA_ENGINE_ANSWER_BYTES_MAX: "1000000000",
  HASURA_ENGINE_UNSENT_BYTES_EACH: "1000000000",
  HASURA_ENGINE_STATEMENT_TIMEOUT: "30000",
};

export type Hostile = {
  readonly database: TestDatabase;
  /** As role `user`. A text is sent as it is. */
  ask(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  askBatch(body: unknown): Promise<readonly Answer[]>;
  /** What came back, whatever it is. */
  post(
    body: string | Uint8Array<ArrayBuffer>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string }>;
  /** A body of which nothing comes but its length. */
  startBody(bytes: number): { abandon(): void };
  /** Whether the process of the beginning still serves. */
  serves(): Promise<boolean>;
  close(): Promise<void>;
};
export type Answer = z.infer<typeof answerSchema> & { readonly text: string };

const answerSchema = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(
      z.strictObject({
        message: z.string(),
        extensions: z.strictObject({ path: z.string(), code: z.string(), internal: z.unknown().optional() }),
      }),
    )
    .optional(),
});

export async function startHostile(): Promise<Hostile> {
  const database = await createTestDatabase(schemaSql);
  const child = spawn(
    process.execPath,
    [
      "--conditions=@control-plane/source",
      // What a document makes it hold beyond its heap ends the process, and so the test.
      ...ENGINE_NODE_OPTIONS,
      resolve(import.meta.dirname, "served-child.ts"),
    ],
    {
      env: {
        ...process.env,
        PG_DATABASE_URL: database.url,
        HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET,
        HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: "HS256", key: JWT_KEY }),
        ...PROCESS_BOUNDS,
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const url = await firstLine(child);
  const post: Hostile["post"] = async (body, headers = userHeaders("user")) => {
    const answer = await fetch(`${url}/v1/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    database,
    post,
    async ask(body, headers) {
      const { text } = await post(typeof body === "string" ? body : JSON.stringify(body), headers);
      return { ...answerSchema.parse(JSON.parse(text)), text };
    },
    async askBatch(body) {
      const { text } = await post(JSON.stringify(body));
      return z
        .array(answerSchema)
        .parse(JSON.parse(text))
        .map((answer) => ({ ...answer, text: JSON.stringify(answer) }));
    },
    startBody(bytes) {
      const headers = { ...userHeaders("user"), "content-length": bytes };
      const asking = request(`${url}/v1/graphql`, { method: "POST", headers });
      asking.on("error", () => {});
      asking.flushHeaders();
      return { abandon: () => void asking.destroy() };
    },
    serves: async () => child.exitCode === null && (await fetch(`${url}/healthz`)).ok,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      await database.drop();
    },
  };
}

/** Words that tell of the engine's inside: SQL, its aliases, object ids, stacks, files. */
export const INSIDE =
  /\b(select|insert into|from|where|lateral|json_agg|json_object|coalesce)\b.*\bt\d+\b|"public"\."|\$\d+::|pg_catalog|\brelation with OID\b|\bat \S+ \(|\.ts:\d|node:internal|\/packages\/|\/work\//i;

/** The errors of a refusal, after looking that they tell nothing of the inside. */
export function refusalOf({ errors, data, text }: Answer): { message: string; code: string; path: string } {
  const [error] = errors ?? [];
  if (error === undefined || data !== undefined) throw new Error(`no refusal: ${text.slice(0, 300)}`);
  if (error.extensions.internal !== undefined) throw new Error("`internal` is for admins only");
  if (INSIDE.test(text)) throw new Error(`the inside shows: ${text.slice(0, 300)}`);
  const { code, path } = error.extensions;
  return { message: error.message, code, path };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the child's output is not piped");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the child ended before it listened");
}
