import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findFreePort, isPortFree, reservePort } from "./free-port.ts";

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

test("a reserved port is free for a server, and for nobody who asks", async () => {
  const { port, release } = await reservePort();
  const asked = await isPortFree(port);
  const next = await reservePort(port);

  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
  await once(server, "close");
  release();
  next.release();

  expect(asked).toBe(false);
  expect(next.port).not.toBe(port);
  await expect.poll(() => isPortFree(port)).toBe(true);
});
