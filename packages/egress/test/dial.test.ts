import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { createDial, createEgress, parseEgressAllow } from "../src/index.ts";
import { openCanary } from "./outside.ts";

/** A port of loopback on which nobody listens, as far as one can know. */
const CLOSED = 1;

/** Listens and never accepts; its queue is full, so the operating system leaves further connections without an answer. */
async function openFullHouse(): Promise<number> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(source, { eval: true });
  const [port] = await once(worker, "message");
  const guests = Array.from({ length: 8 }, () => connect({ host: "127.0.0.1", port }).on("error", () => undefined));
  onTestFinished(async () => {
    for (const guest of guests) guest.destroy();
    await worker.terminate();
  });
  await Promise.any(guests.map((guest) => once(guest, "connect")));
  return port;
}

test("a refused connection says so", async () => {
  const egress = createEgress({ allow: parseEgressAllow(`127.0.0.1:${CLOSED}`).entries });

  const outcome = await egress.send({ method: "GET", url: `http://127.0.0.1:${CLOSED}/`, allowedHosts: ["*"] });

  expect(outcome).toMatchObject({ outcome: "failed", stage: "CONNECT", code: "CONNECT_REFUSED", isTemporary: true });
});

test("a connection that does not come about ends at its limit", async () => {
  const port = await openFullHouse();
  const egress = createEgress({
    allow: parseEgressAllow(`127.0.0.1:${port}`).entries,
    dial: createDial({ connectMs: 100 }),
  });

  const outcome = await egress.send({ method: "GET", url: `http://127.0.0.1:${port}/`, allowedHosts: ["*"] });

  expect(outcome).toMatchObject({ outcome: "failed", stage: "CONNECT", code: "CONNECT_TIMEOUT", isTemporary: true });
});

test("a peer that is not the judged address is left at once [GHSA-jp9j-jr97-w9pj]", async () => {
  const canary = await openCanary();
  const target = {
    url: new URL(`http://x.example:${canary.port}/`),
    host: "x.example",
    // The operating system reads it as 127.0.0.1.
    address: "localhost",
    port: canary.port,
    isTls: false,
    isListed: false,
  };

  const dialled = createDial()(target, AbortSignal.timeout(5_000));

  await expect(dialled).rejects.toMatchObject({ code: "ADDRESS_BLOCKED", rule: "PEER" });
});

test("a name is looked up once, and its answer is what is dialled [GHSA-jp9j-jr97-w9pj]", async () => {
  const canary = await openCanary();
  const answers = [["127.0.0.1"], ["127.0.0.2"]];
  let lookUps = 0;
  const egress = createEgress({
    allow: parseEgressAllow(`127.0.0.1:${canary.port}`).entries,
    resolve: async () => {
      lookUps += 1;
      return answers[lookUps - 1] ?? [];
    },
  });
  const request = { method: "GET", url: `http://flip.example:${canary.port}/`, allowedHosts: ["*"] } as const;

  const first = await egress.send(request);
  const second = await egress.send(request);

  expect(first).toMatchObject({ outcome: "answered" });
  expect(second).toMatchObject({ outcome: "failed", code: "PORT_NOT_ALLOWED" });
  expect(lookUps).toBe(2);
  expect(canary.connections()).toBe(1);
});
