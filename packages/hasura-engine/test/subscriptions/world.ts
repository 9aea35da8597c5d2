import { once } from "node:events";
import { WebSocket } from "ws";
import { z } from "zod";
import { createEngine, type Engine } from "../../src/engine.ts";
import { buildServer } from "../../src/server.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { metadataOf } from "../events/world.ts";
import { token } from "../session/tokens.ts";

export const ADMIN_SECRET = "an-admin-secret-for-tests";
export const JWT_KEY = "a-key-for-tests-of-at-least-32-bytes";

export type Served = {
  engine: Engine;
  url: string;
  /** Open at this moment. */
  connections(): Promise<number>;
  close(): Promise<void>;
};

/** Polls each 100 ms. */
export async function serve(
  databaseUrl: string,
  tables: readonly object[],
  {
    env = {},
    ...serverOptions
  }: { env?: Readonly<Record<string, string>> } & Omit<Parameters<typeof buildServer>[1], "settings"> = {},
): Promise<Served> {
  const settings = settingsFromEnv({
    HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: "HS256", key: JWT_KEY }),
    HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL: "100",
    HASURA_GRAPHQL_STREAMING_QUERIES_MULTIPLEXED_REFETCH_INTERVAL: "100",
    ...env,
  });
  const engine = await createEngine({ metadata: metadataOf(tables), databaseUrl, settings });
  const server = await buildServer(engine, { settings, ...serverOptions });
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    engine,
    url,
    connections: () =>
      new Promise((resolve, reject) =>
        server.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
    async close() {
      await server.close();
      await engine.close();
    },
  };
}

/** Headers of a user with a role, by a token that expires in `seconds`. */
export function userHeaders(role: string, variables: Record<string, string> = {}, seconds = 600) {
  const claims = { "x-hasura-default-role": role, "x-hasura-allowed-roles": [role], ...variables };
  const payload = { exp: Math.floor(Date.now() / 1000) + seconds, "https://hasura.io/jwt/claims": claims };
  return { authorization: `Bearer ${token({ alg: "HS256" }, payload, "HS256", Buffer.from(JWT_KEY))}` };
}

const messageSchema = z.object({ type: z.string(), id: z.string().optional(), payload: z.unknown().optional() });
export type Message = z.infer<typeof messageSchema>;

export type Client = {
  readonly socket: WebSocket;
  /** In order of arrival, without the server's pings. */
  messages(): readonly Message[];
  /** Payloads of `next` of one operation. */
  answers(id: string): readonly unknown[];
  /** All messages as they came, without white space. */
  text(): string;
  send(message: object | string): void;
  subscribe(id: string, query: string, variables?: object): void;
  closed(): { code: number; reason: string } | undefined;
};

export async function connect(
  url: string,
  {
    protocols = ["graphql-transport-ws"],
    headers = {},
  }: { protocols?: string[]; headers?: Record<string, string> } = {},
): Promise<Client> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/graphql`, protocols, { headers });
  const texts: string[] = [];
  let closed: { code: number; reason: string } | undefined;
  socket.on("message", (data) => {
    texts.push(String(data));
  });
  socket.on("close", (code, reason) => {
    closed = { code, reason: String(reason) };
  });
  await once(socket, "open");
  const messages = () =>
    texts.map((text) => messageSchema.parse(JSON.parse(text))).filter(({ type }) => type !== "ping");
  const send = (message: object | string): void =>
    socket.send(typeof message === "string" ? message : JSON.stringify(message));
  return {
    socket,
    messages,
    answers: (id) =>
      messages().flatMap((message) => (message.type === "next" && message.id === id ? [message.payload] : [])),
    text: () => texts.join().replaceAll(/\s/g, ""),
    send,
    subscribe: (id, query, variables = {}) => send({ id, type: "subscribe", payload: { query, variables } }),
    closed: () => closed,
  };
}

/** The status and body an upgrade is refused with; undefined where it is accepted. */
export async function refusal(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; body: unknown } | undefined> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/graphql`, ["graphql-transport-ws"], { headers });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("open", () => {
      socket.terminate();
      resolve(undefined);
    });
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
    });
  });
}

/** A client whose `connection_init` is acknowledged. */
export async function connectAs(url: string, headers: Record<string, string>): Promise<Client> {
  const client = await connect(url);
  client.send({ type: "connection_init", payload: { headers } });
  await once(client.socket, "message");
  return client;
}

export const admin = { "x-hasura-admin-secret": ADMIN_SECRET };
