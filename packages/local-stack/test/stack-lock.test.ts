import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rootDir } from "../src/clone.ts";
import { resetStack, startStack } from "../src/stack.ts";
import { findLockOwner, lockStack } from "../src/stack-lock.ts";

let folder = "";
let stateDir = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cp-lock-"));
  stateDir = join(folder, "stack");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const log = (): void => {};
const running = (processId: number): string =>
  `a stack of this folder runs: process ${processId} in ${rootDir}, since `;

test("while a stack has the folder, a start, a fresh start and a reset are refused and delete nothing", async () => {
  const lock = lockStack(stateDir);
  const kept = join(stateDir, "secrets.json");
  await writeFile(kept, "{}");

  await expect(startStack({ stateDir, log })).rejects.toThrow(running(process.pid));
  await expect(startStack({ stateDir, fresh: true, log })).rejects.toThrow(running(process.pid));
  await expect(resetStack(stateDir, join(folder, "mail"))).rejects.toThrow(running(process.pid));

  expect((await stat(kept)).isFile()).toBe(true);
  lock.release();
});

test("a reset deletes data, secrets and mails of a stack that has ended", async () => {
  lockStack(stateDir).release();
  const mailDir = join(folder, "mail");
  await mkdir(mailDir);
  await writeFile(join(stateDir, "secrets.json"), "{}");

  await resetStack(stateDir, mailDir);

  await expect(stat(join(stateDir, "secrets.json"))).rejects.toThrow("ENOENT");
  await expect(stat(mailDir)).rejects.toThrow("ENOENT");
});

test("what was killed holds nothing", async () => {
  const source = `const { lockStack } = await import(${JSON.stringify(resolve(import.meta.dirname, "../src/stack-lock.ts"))});
    lockStack(${JSON.stringify(stateDir)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const flags = ["--conditions=@control-plane/source", "--input-type=module", "-e", source];
  const holder = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  const during = findLockOwner(stateDir);
  expect(() => lockStack(stateDir)).toThrow(running(holder.pid ?? 0));

  holder.kill("SIGKILL");
  await once(holder, "exit");

  expect(during).toMatchObject({ processId: holder.pid, clone: rootDir });
  expect(findLockOwner(stateDir)).toBeUndefined();
  lockStack(stateDir).release();
});
