import { sessionVariables, type TestUser } from "@control-plane/testkit";
import type { FastifyInstance } from "fastify";
import { z } from "zod";

export const SECRET = "the-secret-of-hasura-for-logs";
export const NEXT_SECRET = "the-next-secret-of-hasura-for-logs";

export type Operation = "getRunLogs" | "getStepLogs";

/** Who asks; `operator` comes with Hasura's admin secret and names his tenant himself. */
export type Ask = {
  caller: TestUser | "operator";
  /** Instead of the caller's own tenant. */
  tenantId?: unknown;
  /** Laid over what Hasura sends for the caller; an empty value takes a header away. */
  headers?: Readonly<Record<string, string>>;
};

const SUBJECT = { getRunLogs: "workflowRunId", getStepLogs: "stepRunId" } as const satisfies Record<Operation, string>;

export const PAGE = `{
  lines { id attempt seq ts level message fields stepRunId traceId }
  startCursor endCursor hasMore error
}`;

const pageSchema = z.strictObject({
  lines: z.array(
    z.strictObject({
      id: z.string(),
      attempt: z.int(),
      seq: z.int(),
      ts: z.iso.datetime(),
      level: z.enum(["DEBUG", "INFO", "WARN", "ERROR"]),
      message: z.string(),
      fields: z.unknown(),
      stepRunId: z.string().nullable(),
      traceId: z.string().nullable(),
    }),
  ),
  startCursor: z.string().nullable(),
  endCursor: z.string().nullable(),
  hasMore: z.boolean(),
  error: z.enum(["LOGS_UNAVAILABLE"]).nullable(),
});
const errorSchema = z.object({
  message: z.string(),
  extensions: z.looseObject({ code: z.string(), requestId: z.string() }),
});
const answerSchema = z.object({
  data: z.record(z.string(), pageSchema).nullish(),
  errors: z.array(errorSchema).optional(),
});

export type Page = z.infer<typeof pageSchema>;
export type PageReply = {
  status: number;
  /** Undefined when the request was refused. */
  page: Page | undefined;
  pages: Readonly<Record<string, Page>>;
  /** Of the first error. */
  code: string | undefined;
  extensions: z.infer<typeof errorSchema>["extensions"] | undefined;
  /** `attempt.seq` of the lines, in the order of the answer. */
  places: string[] | undefined;
};

/** What Hasura sends along for the caller. */
export function headersFor({ caller, headers = {} }: Ask): Record<string, string> {
  const session = caller === "operator" ? { "x-hasura-role": "admin" } : sessionVariables(caller);
  const all = { "content-type": "application/json", "x-logs-schema-secret": SECRET, ...session, ...headers };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** One page through the wire Hasura uses: everything the client gives is a variable. */
export function askPage(
  service: { server: FastifyInstance },
  ask: Ask,
  operation: Operation,
  args: Readonly<Record<string, unknown>>,
): Promise<PageReply> {
  const tenantId = ask.tenantId ?? (ask.caller === "operator" ? undefined : ask.caller.tenantId);
  const subject = SUBJECT[operation];
  const query = `query ($tenantId: String!, $${subject}: ID!, $first: Int, $after: String, $last: Int, $before: String,
    $filter: LogFilter, $waitMs: Int) {
    page: ${operation}(tenantId: $tenantId, ${subject}: $${subject}, first: $first, after: $after, last: $last,
      before: $before, filter: $filter, waitMs: $waitMs) ${PAGE}
  }`;
  return askGraphql(service, ask, { query, variables: { tenantId, ...args } });
}

export async function askGraphql(
  { server }: { server: FastifyInstance },
  ask: Ask,
  payload: Record<string, unknown>,
): Promise<PageReply> {
  const reply = await server.inject({ method: "POST", url: "/graphql", headers: headersFor(ask), payload });
  const { data, errors } = answerSchema.parse(JSON.parse(reply.body));
  const page = data?.["page"];
  return {
    status: reply.statusCode,
    page,
    pages: data ?? {},
    code: errors?.[0]?.extensions.code,
    extensions: errors?.[0]?.extensions,
    places: page?.lines.map(({ attempt, seq }) => `${attempt}.${seq}`),
  };
}

/** A cursor as clients get it, for tests about cursors nobody was given. */
export function cursorText(text: string): string {
  return Buffer.from(text).toString("base64url");
}
