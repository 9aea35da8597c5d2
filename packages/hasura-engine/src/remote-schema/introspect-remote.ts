import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery, type IntrospectionQuery } from "graphql";
import { z } from "zod";
import { HasuraError } from "../hasura-error.ts";
import type { HeaderSetting } from "../model/model.ts";
import { postJson } from "../outbound/post-json.ts";
import { USER_AGENT } from "../outbound/user-agent.ts";

export type IntrospectionTarget = {
  readonly url: string;
  readonly headers: readonly HeaderSetting[];
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
};

const rootSchema = z.looseObject({ __schema: z.looseObject({}) });
/** buildClientSchema checks the rest and names what is wrong. */
const answerSchema = z.object({
  data: z.custom<IntrospectionQuery>((data) => rootSchema.safeParse(data).success),
});

/** The upstream's whole schema. Rejects with `remote-schema-error`; the message is fit for an inconsistency's reason. */
export async function introspectRemote(target: IntrospectionTarget): Promise<GraphQLSchema> {
  const answer = await fetchAnswer(target);
  if (answer.status !== 200) throw remoteSchemaError(`introspection was answered with status ${answer.status}`);
  try {
    const { data } = answerSchema.parse(JSON.parse(answer.text));
    return buildClientSchema(data, { assumeValid: true });
  } catch (error) {
    throw remoteSchemaError("the answer to the introspection query is not a schema", error);
  }
}

async function fetchAnswer({ url, headers, timeoutSeconds, signal }: IntrospectionTarget) {
  try {
    return await postJson({
      url,
      headers: [
        { name: "User-Agent", value: USER_AGENT },
        ...headers,
        { name: "Content-Type", value: "application/json" },
      ],
      body: JSON.stringify({ query: getIntrospectionQuery(), operationName: "IntrospectionQuery", variables: {} }),
      timeoutSeconds,
      signal,
    });
  } catch (error) {
    throw remoteSchemaError("the remote schema cannot be reached", error);
  }
}

function remoteSchemaError(message: string, cause?: unknown): HasuraError {
  return new HasuraError("remote-schema-error", message, "$", {
    cause,
    internal: cause instanceof Error ? cause.message : undefined,
  });
}
