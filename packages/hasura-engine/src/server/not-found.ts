import type { FastifyReply } from "fastify";

/** Hasura's answer for every path it does not know. */
export function sendNotFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ path: "$", error: "resource does not exist", code: "not-found" });
}
