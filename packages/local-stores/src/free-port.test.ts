import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findFreePort, isPortFree } from "./free-port.ts";

test("the preferred port is taken while it is free, another one when it is not", async () => {
  const preferred = await findFreePort();
  expect(await findFreePort(preferred)).toBe(preferred);
  const server = createServer().listen(preferred, "127.0.0.1");
  await once(server, "listening");

  const other = await findFreePort(preferred);

  expect(other).not.toBe(preferred);
  expect(await isPortFree(preferred)).toBe(false);
  server.close();
});
