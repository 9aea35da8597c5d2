import Fastify from "fastify";
import { expect } from "vitest";
import { z } from "zod";
import { test as base } from "../src/index.ts";

// A server with the wire contract of Hasura actions and nothing else.
const test = base.extend("server", { auto: true }, ({ actions }, { onCleanup }) => {
  const server = Fastify();
  server.post("/actions/echo", async (request, reply) => {
    if (request.headers["x-action-secret"] !== "secret") return refuse(reply.code(401), "UNAUTHENTICATED");
    const body = z.object({ input: z.looseObject({}) }).parse(request.body);
    return body.input.refuse === true ? refuse(reply.code(409), "LAST_OWNER") : request.body;
  });
  server.post("/actions/broken", async (_request, reply) => refuse(reply.code(500), "INTERNAL"));
  onCleanup(() => server.close());
  actions.bind(server, "secret");
  return server;
});

function refuse<R>(reply: { send(body: unknown): R }, code: string): R {
  return reply.send({ message: "refused", extensions: { code, requestId: "r" } });
}

const echo = { name: "echo", output: z.looseObject({ session_variables: z.record(z.string(), z.string()) }) };

test("an action is called in Hasura's envelope, the tenant admin under Hasura's name", async ({ world, actions }) => {
  const admin = await (await world.tenant()).user("admin");

  const output = await actions.succeed(echo, admin, { a: 1, left: undefined });

  expect(output).toEqual({
    action: { name: "echo" },
    input: { a: 1 },
    session_variables: {
      "x-hasura-role": "tenant_admin",
      "x-hasura-user-id": admin.id,
      "x-hasura-tenant-id": admin.tenantId,
    },
    request_query: "mutation { echo }",
  });
});

test("an anonymous caller has no ids", async ({ actions }) => {
  const output = await actions.succeed(echo, "anonymous", {});

  expect(output.session_variables).toEqual({ "x-hasura-role": "anonymous" });
});

test("a refusal is recognised by its code", async ({ actions }) => {
  const reply = await actions.call(echo, "anonymous", { refuse: true });

  expect(reply).toBeRefused("LAST_OWNER");
  expect(reply).not.toBeRefused("FORBIDDEN");
});

test("a success is no refusal", async ({ actions }) => {
  expect(await actions.call(echo, "anonymous", {})).not.toBeRefused("LAST_OWNER");
});

test("a fault of ours is no refusal", async ({ actions }) => {
  expect(await actions.call({ name: "broken" }, "anonymous", {})).not.toBeRefused("INTERNAL");
});

test("a call can leave the secret out", async ({ actions }) => {
  expect(await actions.call(echo, "anonymous", {}, { secret: null })).toBeRefused("UNAUTHENTICATED");
});

test("succeed tells why it did not", async ({ actions }) => {
  await expect(actions.succeed(echo, "anonymous", { refuse: true })).rejects.toThrow(
    "echo was refused: 409 LAST_OWNER",
  );
});
