import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deleteStores, findFreePort, startStores } from "../src/index.ts";
import { runServer } from "../src/run-server.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "local-stores-run-"));
});
afterEach(async () => {
  await deleteStores(folder);
  await rm(folder, { recursive: true, force: true });
});

const none = { PATH: process.env.PATH, PYTHON: process.env.PYTHON };

test("a port that another program takes in the last moment is replaced", async () => {
  const wished = await findFreePort();
  const squatters: Server[] = [];
  const listen = (port: number) =>
    `setTimeout(() => require("node:net").createServer().listen(${port}, "127.0.0.1"), 300)`;

  const { port, server } = await runServer({
    port: wished,
    folder,
    mark: folder,
    launch: (port) => {
      if (port === wished) squatters.push(createServer().listen(port, "127.0.0.1"));
      return {
        command: process.execPath,
        args: ["-e", listen(port)],
        cwd: folder,
        stopSignal: "TERM",
        graceSeconds: 5,
      };
    },
    probe: async (port) => {
      if (port === wished) throw new Error("another server answers on this port");
    },
  });
  await server.stop();
  for (const squatter of squatters) squatter.close();

  expect(squatters.length).toBe(1);
  expect(port).not.toBe(wished);
});

test("a store that dies is started again where it was, with what it held", async () => {
  const told: string[] = [];
  const log = (line: string): void => void told.push(line);
  const stores = await startStores({ dataDir: folder, only: ["redis"], env: none, keepRunning: true, log });
  const { redis: store } = stores.running;
  const redis = new Redis(store?.url ?? "", { maxRetriesPerRequest: null });
  redis.on("error", () => {});
  await redis.config("SET", "appendfsync", "always");
  await redis.set("word", "kept");
  told.length = 0;

  const dead = store?.processId ?? 0;
  process.kill(dead, "SIGKILL");
  const word = await redis.get("word");

  redis.disconnect();
  await expect.poll(() => told, { timeout: 30_000 }).toContain("redis is back");
  const alive = store?.processId;
  await stores.stop();
  expect(word).toBe("kept");
  expect(told).toEqual(["redis ended unexpectedly; starting it again", "redis is back"]);
  expect(alive).not.toBe(dead);
});

test("a start that is called off leaves nothing running", async () => {
  const calledOff = new AbortController();
  const starting = startStores({ dataDir: folder, env: none, signal: calledOff.signal, log: () => {} });
  await pause(20);

  calledOff.abort(new Error("called off"));

  await expect(starting).rejects.toThrow("called off");
});

test("a way of starting stores that there is not is refused", async () => {
  const starting = startStores({ dataDir: folder, env: { ...none, STORES: "dockr" }, log: () => {} });

  await expect(starting).rejects.toThrow('STORES: must be "docker" or unset, not "dockr"');
});
