import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, type GraphQLFieldResolver, type GraphQLSchema, graphql } from "graphql";
import { z } from "zod";
import { startHelperServer } from "./helper-server.ts";

export type Upstreams = { messagesUrl: string; welcomeUrl: string; close(): Promise<void> };

const messageSchema = z.object({ id: z.int(), name: z.string(), msg: z.string() });
type Message = z.infer<typeof messageSchema>;
const dataSchema = z.object({ messages: z.array(messageSchema), welcome: z.array(messageSchema) });
const requestSchema = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

const intFilter = z.object({ eq: z.int().nullish(), gt: z.int().nullish(), lt: z.int().nullish() });
const whereSchema = z.object({ id: intFilter.nullish(), name: z.object({ eq: z.string().nullish() }).nullish() });
const includesSchema = z.object({
  id: z.array(z.int().nullable()).nullish(),
  name: z.array(z.string().nullable()).nullish(),
});
const filterSchema = z.object({
  where: whereSchema.nullish(),
  whered: whereSchema.nullish(),
  includes: includesSchema.nullish(),
});
const idSchema = z.object({ id: z.int().nullish() });
const userSchema = z.object({ user_id: z.int() });

type Resolver = GraphQLFieldResolver<unknown, unknown>;
type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolver>>>>;

/** The two servers of the data set's README, section "Upstream GraphQL servers". `dir` holds their schemas and rows. */
export async function startUpstreams(options: { dir: string }): Promise<Upstreams> {
  const read = (file: string): string => readFileSync(join(options.dir, file), "utf8");
  const data = dataSchema.parse(JSON.parse(read("data.json")));
  const messages = await startGraphql(withResolvers(buildSchema(read("messages.graphql")), resolvers(data.messages)));
  const welcome = await startGraphql(withResolvers(buildSchema(read("welcome.graphql")), resolvers(data.welcome)));
  return {
    messagesUrl: messages.url,
    welcomeUrl: welcome.url,
    async close() {
      await Promise.all([messages.close(), welcome.close()]);
    },
  };
}

async function startGraphql(schema: GraphQLSchema) {
  return startHelperServer(async (request, body, response) => {
    if (request.method !== "POST") return void response.writeHead(404).end();
    const { query, variables, operationName } = requestSchema.parse(JSON.parse(body));
    const answer = await graphql({
      schema,
      source: query,
      variableValues: variables ?? null,
      operationName: operationName ?? null,
    });
    const errors = answer.errors?.map(({ message, path, locations }) => ({ message, path, locations }));
    const text = JSON.stringify(errors === undefined ? answer : { data: answer.data ?? null, errors });
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  });
}

/** Puts resolvers onto the fields that the schema has; both servers share one table. */
function withResolvers(schema: GraphQLSchema, table: Resolvers): GraphQLSchema {
  for (const [typeName, fields] of Object.entries(table)) {
    const type = schema.getType(typeName);
    if (type === undefined || !("getFields" in type)) continue;
    for (const [name, resolve] of Object.entries(fields)) {
      const field = type.getFields()[name];
      if (field !== undefined && "args" in field) field.resolve = resolve;
    }
  }
  const communication = schema.getType("Communication");
  if (communication !== undefined && "resolveType" in communication) communication.resolveType = () => "Message";
  return schema;
}

function resolvers(rows: readonly Message[]): Resolvers {
  const byId = (id: number | null | undefined): Message | undefined => rows.find((row) => row.id === id);
  return {
    Query: {
      hello: () => "world",
      message: (_source, args) => byId(idSchema.parse(args).id) ?? null,
      messages: (_source, args) => rows.filter(passes(filterSchema.parse(args))),
      user: (_source, args) => userSchema.parse(args),
      users: (_source, args) =>
        z
          .object({ user_ids: z.array(z.int().nullable()) })
          .parse(args)
          .user_ids.map((user_id) => ({ user_id })),
      communications: (_source, args) => {
        const { id } = idSchema.parse(args);
        return id === undefined || id === null ? rows : rows.filter((row) => row.id === id);
      },
      profilePicture: (_source, args) => args.dimensions ?? null,
    },
    User: {
      userMessages: (source, args) => {
        const { user_id } = z.object({ user_id: z.int().nullable() }).parse(source);
        return rows.filter((row) => row.id === user_id).filter(passes(filterSchema.parse(args)));
      },
      gimmeText: (_source, args) => (typeof args.text === "string" && args.text !== "" ? args.text : "no text"),
    },
    Message: {
      errorMsg: () => {
        throw new Error("intentional-error");
      },
    },
  };
}

function passes({ where, whered, includes }: z.infer<typeof filterSchema>): (message: Message) => boolean {
  const condition = where ?? whered;
  return ({ id, name }) =>
    holds(condition?.id?.eq, (limit) => id === limit) &&
    holds(condition?.id?.gt, (limit) => id > limit) &&
    holds(condition?.id?.lt, (limit) => id < limit) &&
    holds(condition?.name?.eq, (wanted) => name === wanted) &&
    holds(includes?.id, (ids) => ids.includes(id)) &&
    holds(includes?.name, (names) => names.includes(name));
}

/** A filter that is not given lets everything through. */
function holds<T>(filter: T | null | undefined, test: (filter: T) => boolean): boolean {
  return filter === undefined || filter === null || test(filter);
}
