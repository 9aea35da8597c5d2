import { z } from "zod";

/** A refusal of the API as the client sees it. */
export type GraphqlRefusal = { message: string; code: string };

const answerSchema = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(
      z.object({
        message: z.string(),
        extensions: z.looseObject({ code: z.string().default("unexpected") }).default({ code: "unexpected" }),
      }),
    )
    .optional(),
});

export type GraphqlAnswer = { data: unknown; refusals: readonly GraphqlRefusal[] };
export type GraphqlClient = (
  query: string,
  variables?: Readonly<Record<string, unknown>>,
  token?: string,
) => Promise<GraphqlAnswer>;

/** Speaks to Hasura as a front end does: a document, variables and, once signed in, a bearer token. */
export function createGraphqlClient(hasuraUrl: string, timeoutMs = 30_000): GraphqlClient {
  return async (query, variables = {}, token) => {
    const reply = await fetch(`${hasuraUrl}/v1/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer = answerSchema.parse(await reply.json());
    const refusals = (answer.errors ?? []).map(({ message, extensions }) => ({ message, code: extensions.code }));
    return { data: answer.data ?? null, refusals };
  };
}

/** The data of an answer that must succeed, in the shape `schema` says. */
export function expectData<T>(schema: z.ZodType<T>, answer: GraphqlAnswer): T {
  const [refusal] = answer.refusals;
  if (refusal !== undefined) throw new Error(`refused: ${refusal.code}: ${refusal.message}`);
  return schema.parse(answer.data);
}

/** The refusal of an answer that must fail. */
export function expectRefusal(answer: GraphqlAnswer): GraphqlRefusal {
  const [refusal] = answer.refusals;
  if (refusal === undefined) throw new Error(`expected a refusal, got ${JSON.stringify(answer.data)}`);
  return refusal;
}
