// The floor of sign-in: Fastify and the verification of one hash with the parameters of production; no database, no token.
import { verify } from "@node-rs/argon2";
import fastify from "fastify";

const { PASSWORD_HASH = "", PORT } = process.env;
const server = fastify();

server.post<{ Body: { password: string } }>("/verify", async (request) => ({
  verified: await verify(PASSWORD_HASH, request.body.password),
}));
server.get("/ready", async () => ({ ok: true }));

process.on("SIGTERM", () => void server.close());
await server.listen({ host: "127.0.0.1", port: Number(PORT) });
