import { randomUUID } from "node:crypto";
import { connections } from "@control-plane/db";
import type { TestKeys, TestTenant } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { createConnection } from "../src/actions/create-connection.ts";
import { updateConnectionSecrets } from "../src/actions/update-connection-secrets.ts";
import { appAt, test } from "./connections.ts";

const API = "https://api.acme.example";

/** A tested connection with a cached token, as if it had been in use. */
async function usedConnection(tenant: TestTenant, keys: TestKeys) {
  const app = await appAt(tenant, API, "BEARER");
  const id = randomUUID();
  const place = { tenantId: tenant.id, table: "connections", rowId: id, column: "secret_cipher" };
  return tenant.connection({
    id,
    appVersionId: app.version.id,
    config: { baseUrl: `${API}/old` },
    secretCipher: await keys.seal(place, JSON.stringify({ token: "former" })),
    secretFields: ["token"],
    accessTokenCipher: Buffer.alloc(60),
    accessTokenExpiresAt: new Date(Date.now() + 3_600_000),
    status: "ACTIVE",
  });
}

describe("updateConnectionSecrets", () => {
  test("puts the new secret in place of the former and forgets what followed from that", async ({
    db,
    keys,
    world,
    actions,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { id } = await usedConnection(acme, keys);

    const output = await actions.succeed(updateConnectionSecrets, user, {
      connectionId: id,
      secrets: { token: "new" },
    });

    expect(output).toEqual({ connectionId: id, status: "UNTESTED" });
    const [row] = await db.db.select().from(connections).where(eq(connections.id, id));
    expect(row).toMatchObject({
      status: "UNTESTED",
      accessTokenCipher: null,
      accessTokenExpiresAt: null,
      config: { baseUrl: `${API}/old` },
    });
    const place = { tenantId: acme.id, table: "connections", rowId: id, column: "secret_cipher" };
    expect(await keys.open(place, row?.secretCipher ?? Buffer.alloc(0))).toBe('{"token":"new"}');
    expect((await acme.audit()).at(-1)).toMatchObject({
      action: "connection.updated",
      changes: { secret_cipher: { changed: true }, status: { old: "ACTIVE", new: "UNTESTED" } },
    });
  });

  test("a config that is given replaces the former", async ({ db, keys, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { id } = await usedConnection(acme, keys);
    const configOf = async () => (await db.db.select().from(connections).where(eq(connections.id, id)))[0]?.config;
    const update = (config: object) =>
      actions.succeed(updateConnectionSecrets, user, { connectionId: id, secrets: { token: "t" }, config });

    await update({ baseUrl: `${API}/new` });
    expect(await configOf()).toEqual({ baseUrl: `${API}/new` });
    await update({});
    expect(await configOf()).toEqual({});
  });

  test.for([
    ["a part of the fields", { secrets: {} }],
    ["another field", { secrets: { apiKey: "canary-1" } }],
    ["a base URL outside the allowed hosts", { config: { baseUrl: "https://evil.example" } }],
    ["an id that is none", { connectionId: "1" }],
    ["an unknown key", { name: "x" }],
  ] as const)("refuses %s and changes nothing", async ([, changes], { db, keys, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const before = await usedConnection(acme, keys);
    const input = { connectionId: before.id, secrets: { token: "canary-1" }, ...changes };

    const reply = await actions.call(updateConnectionSecrets, user, input);

    expect(reply).toBeRefused("BAD_INPUT");
    expect(JSON.stringify(reply)).not.toContain("canary");
    expect((await db.db.select().from(connections).where(eq(connections.id, before.id)))[0]).toEqual(before);
  });

  test("a viewer may not, and another tenant's connection does not exist", async ({ db, keys, world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [viewer, stranger] = [await acme.user("viewer"), await globex.user("owner")];
    const before = await usedConnection(acme, keys);
    const input = { connectionId: before.id, secrets: { token: "t" } };

    expect(await actions.call(updateConnectionSecrets, viewer, input)).toBeRefused("FORBIDDEN");
    expect(await actions.call(updateConnectionSecrets, stranger, input)).toBeRefused("NOT_FOUND");
    expect((await db.db.select().from(connections).where(eq(connections.id, before.id)))[0]).toEqual(before);
  });

  test("the same secrets again are sealed anew", async ({ db, world, actions, http }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await appAt(acme, http.url, "BEARER");
    const secrets = { token: "the same" };
    const made = await actions.succeed(createConnection, user, { name: "x", appVersionId: app.version.id, secrets });
    const cipher = async () =>
      (await db.db.select().from(connections).where(eq(connections.id, made.connectionId)))[0]?.secretCipher;
    const first = await cipher();

    const again = await actions.succeed(updateConnectionSecrets, user, { connectionId: made.connectionId, secrets });

    expect(again).toEqual(made);
    expect(await cipher()).not.toEqual(first);
  });
});
