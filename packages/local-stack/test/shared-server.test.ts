import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { roleUrl } from "@control-plane/db";
import { deleteStores, type Store, startPostgres } from "@control-plane/local-stores";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimServer } from "../src/claim-server.ts";
import { prepareDatabase } from "../src/prepare-database.ts";
import { loadSecrets } from "../src/secrets.ts";

// Roles and sessions belong to a whole server, so this takes one of its own.

let folder = "";
let server: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cp-shared-"));
  server = await startPostgres({ dataDir: join(folder, "stores/postgres"), log: () => {} });
});
afterAll(async () => {
  await server?.stop();
  await deleteStores(join(folder, "stores"));
  await rm(folder, { recursive: true, force: true });
});

const REFUSAL = "DATABASE_URL: the stack of another clone works on that server (control_plane_";

test("of two clones that start on a server at the same moment one gets it, the other is told, and gets it afterwards", async () => {
  const clones = [join(folder, "one"), join(folder, "two")];

  const starts = await Promise.allSettled(clones.map((stateDir) => claimServer(server.url, stateDir)));
  for (const start of starts) if (start.status === "fulfilled") await start.value.release();
  const later = await Promise.allSettled(
    clones.map(async (stateDir, index) => {
      if (starts[index]?.status === "rejected") await (await claimServer(server.url, stateDir)).release();
    }),
  );

  expect(starts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(starts.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { message: expect.stringContaining(REFUSAL) },
  });
  expect(later.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
});

test("a server on which services of another clone work is refused although its claim is lost", async () => {
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const secrets = loadSecrets(first);
  const url = await prepareDatabase(server.url, first, secrets);
  const service = new pg.Client(roleUrl(url, "cp_auth", secrets.databasePasswords.auth));
  await service.connect();

  const again = await claimServer(server.url, first);
  await again.release();
  const refused = await claimServer(server.url, second).catch(String);
  await service.end();

  expect(refused).toContain(REFUSAL);
  await expect
    .poll(() => claimServer(server.url, second).then((claim) => claim.release(), String), { timeout: 30_000 })
    .toBe(undefined);
});
