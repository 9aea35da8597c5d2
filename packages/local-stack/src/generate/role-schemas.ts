import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, createTemplate, dropDatabase } from "@control-plane/db";
import { startTemporaryStores } from "@control-plane/local-stores";
import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { hasuraDir } from "../check-metadata.ts";
import { openOfflineEngine } from "../offline-engine.ts";

// hasura/generated/<role>.graphql: what each role's API looks like, so that a change of permissions shows in a diff.

const stores = await startTemporaryStores((line) => console.log(line));
const serverUrl = stores.env.DATABASE_URL ?? "";
const name = `role_schemas_${process.pid}`;
try {
  await createTemplate(serverUrl);
  const engine = await openOfflineEngine(await cloneDatabase(serverUrl, name));
  mkdirSync(join(hasuraDir, "generated"), { recursive: true });
  for (const role of [ANONYMOUS_ROLE, ...HASURA_ROLES])
    writeFileSync(join(hasuraDir, `generated/${role}.graphql`), `${engine.sdl(role)}\n`);
  await engine.close();
} finally {
  await dropDatabase(serverUrl, name).catch(() => {});
  await stores.stop();
}
