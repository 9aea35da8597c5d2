import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPortFree } from "@control-plane/local-stores";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choosePorts, reservePorts } from "../src/ports.ts";

let stateDir = "";
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "cp-ports-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

test("five different ports are chosen, and the next start takes the same", async () => {
  const first = await choosePorts(stateDir, true);
  const again = await choosePorts(stateDir, true);

  expect(new Set(Object.values(first)).size).toBe(5);
  expect(again).toEqual(first);
});

test("a port that was taken since is replaced, the others stay", async () => {
  const first = await choosePorts(stateDir, true);
  const squatter = createServer().listen(first.hasura, "127.0.0.1");
  await expect.poll(() => isPortFree(first.hasura)).toBe(false);

  const again = await choosePorts(stateDir, true);
  squatter.close();

  expect(again.hasura).not.toBe(first.hasura);
  expect({ ...again, hasura: 0 }).toEqual({ ...first, hasura: 0 });
});

test("a usual port that an earlier start gave to another part goes to one of them only", async () => {
  const odd = { hasura: 4001, authActions: 4001, webhookGateway: 4001, orchestrator: 4001, logsSchema: 4001 };
  await writeFile(join(stateDir, "ports.json"), JSON.stringify(odd));

  const ports = await choosePorts(stateDir, true);

  expect(new Set(Object.values(ports)).size).toBe(5);
});

test("two stacks that choose at the same moment get ten different ports, the usual ones included", async () => {
  const other = await mkdtemp(join(tmpdir(), "cp-ports-"));

  const reserved = await Promise.all([reservePorts(stateDir, false), reservePorts(other, false)]);
  for (const { release } of reserved) release();
  await rm(other, { recursive: true, force: true });

  expect(new Set(reserved.flatMap(({ ports }) => Object.values(ports))).size).toBe(10);
});
