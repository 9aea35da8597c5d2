import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { roleUrl } from "@control-plane/db";
import { deleteStores, type Store, startPostgres } from "@control-plane/local-stores";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
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

test("a server that the running stack of another clone uses is refused, and taken once that has ended", async () => {
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const secrets = loadSecrets(first);
  const prepare = (stateDir: string) => prepareDatabase(server.url, stateDir, loadSecrets(stateDir));
  const service = new pg.Client(roleUrl(await prepare(first), "cp_auth", secrets.databasePasswords.auth));
  await service.connect();

  const again = await prepare(first);
  const refused = await prepare(second).catch((error: unknown) => error);
  await service.end();

  expect(again).toContain("/control_plane_");
  expect(refused).toMatchObject({
    message: expect.stringContaining("DATABASE_URL: the stack of another clone works on that server (database control"),
  });
  await expect.poll(() => prepare(second).catch(String), { timeout: 30_000 }).toContain("/control_plane_");
});
