import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

/** A service whose loop and whose store never let go, once it is told to end. */
const HANGS = `
  import { createLogger, createMetrics, createServer, runUntilSignal } from "../src/index.ts";
  const log = createLogger({ service: "test", level: "silent" });
  const server = await createServer({ service: "test", log, metrics: createMetrics("test"), ready: {} });
  const never = () => new Promise(() => {});
  server.get("/held", () => {
    console.log("held");
    return never();
  });
  runUntilSignal({ server, log, close: never, loops: [{ stop: never }], deadlineMs: 2_000 });
  console.log(await server.listen({ host: "127.0.0.1", port: 0 }));
  setInterval(() => {}, 60_000);
`;

/** Starts it; `said` is the next thing it prints. */
async function start() {
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", "--input-type=module", "-e", HANGS], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const said = async () => String((await once(child.stdout, "data"))[0]).trim();
  return { child, exit, said, url: await said() };
}

test("what waits for a store that hangs is left behind once every request is answered: the exit is 0", async () => {
  const { child, exit } = await start();

  child.kill("SIGTERM");

  expect(await exit).toEqual([0, null]);
});

test("a request that is still under way at the deadline is no good end: the exit is 1", async () => {
  const { child, exit, said, url } = await start();
  const held = said();
  const cut = expect(fetch(`${url}/held`)).rejects.toThrow();
  expect(await held).toBe("held");

  child.kill("SIGTERM");

  expect(await exit).toEqual([1, null]);
  await cut;
});
