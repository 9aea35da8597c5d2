import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findFreePort } from "../src/free-port.ts";
import { givenStore } from "../src/given-store.ts";

test("a store that a variable names is taken as it is when something listens there", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `redis://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;

  const store = await givenStore("redis", "REDIS_URL", url);

  expect(store).toMatchObject({ url, source: "REDIS_URL" });
  server.close();
});

test("a store that does not answer is refused with the remedy and without the password", async () => {
  const port = await findFreePort();

  const refusal = givenStore("postgres", "DATABASE_URL", `postgres://ada:hidden-word@127.0.0.1:${port}/x`);

  await expect(refusal).rejects.toThrow(
    `DATABASE_URL: nothing answers at 127.0.0.1:${port} (ECONNREFUSED); start that server, or unset DATABASE_URL`,
  );
  await expect(refusal).rejects.not.toThrow("hidden-word");
});

test.each([
  ["redis", "nonsense"],
  ["redis", "http://127.0.0.1:6379"],
  ["postgres", "redis://127.0.0.1:6379"],
  ["mongo", "postgres://127.0.0.1/x"],
] as const)("%s cannot be at %j", async (name, url) => {
  await expect(givenStore(name, "THE_URL", url)).rejects.toThrow(/^THE_URL is not a .* URL; mend it/);
});

test.each(["mongodb+srv://cluster.example.com/x", "mongodb://one.example.com,two.example.com/x"])(
  "%s is left to the driver",
  async (url) => {
    expect(await givenStore("mongo", "MONGODB_URL", url)).toMatchObject({ url });
  },
);
