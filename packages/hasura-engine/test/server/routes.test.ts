import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { serve } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase("select 1");
});
afterAll(() => database.drop());

const madeSchema = z.object({ fastify: z.custom<FastifyInstance>() });

test("the engine, with console and metadata API, has the routes of routes.txt and no other", async () => {
  const routes = new Set<string>();
  const watch = (message: unknown): void => {
    madeSchema.parse(message).fastify.addHook("onRoute", ({ method, url }) => {
      for (const name of [method].flat()) routes.add(`${url} ${name}`);
    });
  };
  subscribe("fastify.initialization", watch);

  const served = await serve(database.url, [], {
    env: { HASURA_GRAPHQL_ENABLE_CONSOLE: "true" },
    metadata: { current: () => ({}), reload: async () => {} },
  });

  unsubscribe("fastify.initialization", watch);
  await served.close();
  const lines = [...routes].sort().map((route) => route.split(" ").reverse().join(" "));
  // HEAD beside GET is GET without the answer's body.
  const listed = lines.filter((line) => !line.startsWith("HEAD ") || !lines.includes(line.replace("HEAD", "GET")));
  await expect(`${listed.join("\n")}\n`).toMatchFileSnapshot("routes.txt");
});
