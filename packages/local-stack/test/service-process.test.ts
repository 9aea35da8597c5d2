import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PortLostError, type ServiceSpec, startService } from "../src/service-process.ts";

let folder = "";
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cp-service-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(folder, { recursive: true, force: true });
});

const log = (): void => {};

/** A service as ours are: `/live` says which process answers. Its log has a line for each start. */
function spec(port: number): ServiceSpec {
  const source = `console.log("started");
    require("node:http").createServer((request, response) => response.end(JSON.stringify({ processId: process.pid })))
      .listen(${port}, "127.0.0.1");`;
  return {
    name: "example",
    command: process.execPath,
    args: ["-e", source],
    env: { PATH: process.env.PATH ?? "" },
    cwd: folder,
    logFile: join(folder, "example.log"),
    readyUrl: `http://127.0.0.1:${port}/ready`,
  };
}

async function somebodyElse(port: number): Promise<void> {
  const server = createServer((_request, response) => response.end('{"status":"live"}')).listen(port, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
}

test("a port that another program answers on is lost, not taken for the service's own", async () => {
  const port = await findFreePort();
  await somebodyElse(port);

  await expect(startService(spec(port), log)).rejects.toThrow(PortLostError);
});

test("a service that is killed is started again, and its log keeps what it said before", async () => {
  const told: string[] = [];
  const service = await startService(spec(await findFreePort()), (line) => told.push(line));
  const first = service.processId();

  service.kill();
  await expect.poll(() => service.processId() ?? first, { timeout: 30_000 }).not.toBe(first);
  await service.stop();

  expect(told).toEqual(["example ended unexpectedly; starting it again"]);
  expect(await readFile(join(folder, "example.log"), "utf8")).toMatch(/started\n(.*\n)*started\n/);
});

test("an aborted start leaves no process", async () => {
  const port = await findFreePort();
  const stopping = new AbortController();
  const neverReady = { ...spec(port), args: ["-e", "setInterval(() => {}, 1000)"] };
  const starting = startService(neverReady, log, stopping.signal);

  stopping.abort(new Error("stopped by hand"));

  await expect(starting).rejects.toThrow("stopped by hand");
});
