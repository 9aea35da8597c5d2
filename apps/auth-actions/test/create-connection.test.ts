import { randomUUID } from "node:crypto";
import { connections } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { createConnection } from "../src/actions/create-connection.ts";
import { appAt, SIGN_INS, test } from "./connections.ts";

const AUTH_TYPES = ["NONE", "API_KEY", "BASIC", "BEARER", "OAUTH2_CLIENT_CREDENTIALS"] as const;

describe("createConnection", () => {
  test.for(AUTH_TYPES)(
    "seals the secret fields of %s and tells their names only",
    async (authType, { db, keys, world, actions, http }) => {
      const acme = await world.tenant();
      const user = await acme.user("builder");
      const app = await appAt(acme, http.url, authType);
      const { secrets } = SIGN_INS[authType];

      const reply = await actions.call(createConnection, user, {
        name: "main",
        appVersionId: app.version.id,
        secrets,
        config: { baseUrl: `${http.url}/v2` },
      });

      expect(reply).toMatchObject({ outcome: "done", output: { status: "UNTESTED" } });
      const [row] = await db.db.select().from(connections).where(eq(connections.tenantId, acme.id));
      const fields = Object.keys(secrets);
      expect(row).toMatchObject({
        name: "main",
        status: "UNTESTED",
        config: { baseUrl: `${http.url}/v2` },
        secretFields: fields,
        createdBy: user.id,
      });
      const place = { tenantId: acme.id, table: "connections", rowId: row?.id ?? "", column: "secret_cipher" };
      const opened = row?.secretCipher == null ? null : JSON.parse(await keys.open(place, row.secretCipher));
      expect(opened).toEqual(fields.length === 0 ? null : secrets);
      expect((await acme.audit()).at(-1)).toMatchObject({
        action: "connection.created",
        actorId: user.id,
        targetId: row?.id,
      });
    },
  );

  test("connections of the global catalogue are made by owners and admins too", async ({ world, actions }) => {
    const acme = await world.tenant();
    const { appVersionId } = await world.action("slack.post_message");
    for (const role of ["owner", "admin"] as const) {
      const user = await acme.user(role);

      const output = await actions.succeed(createConnection, user, {
        name: role,
        appVersionId,
        secrets: { token: "xoxb-1" },
      });

      expect(output).toEqual({ connectionId: expect.any(String), status: "UNTESTED" });
    }
  });

  test.for([
    ["no app version", { appVersionId: undefined }],
    ["a blank name", { name: " " }],
    ["a name of 121 characters", { name: "x".repeat(121) }],
    ["secrets that are a list", { secrets: ["a"] }],
    ["a secret that is a number", { secrets: { token: 1 } }],
    ["another field", { secrets: { apiKey: "canary-1" } }],
    ["one field more", { secrets: { token: "canary-1", more: "canary-1" } }],
    ["no field", { secrets: {} }],
    ["an empty secret", { secrets: { token: "" } }],
    ["a secret of 4,097 characters", { secrets: { token: "x".repeat(4_097) } }],
    ["a line break at the end of what goes into a header", { secrets: { token: "canary-1\n" } }],
    ["a letter no header can hold", { secrets: { token: "canary-ä" } }],
    ["a setting nobody knows", { config: { url: "https://x.example" } }],
    ["a base URL that is none", { config: { baseUrl: "x" } }],
    ["a base URL outside the allowed hosts", { config: { baseUrl: "https://evil.example" } }],
    ["a base URL without TLS", { config: { baseUrl: "http://api.acme.example" } }],
    ["a base URL with a query", { config: { baseUrl: "https://api.acme.example/?a=1" } }],
    ["an unknown key", { force: true }],
  ] as const)("refuses %s, and repeats no value", async ([, changes], { db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await appAt(acme, "https://api.acme.example", "BEARER");
    const input = { name: "main", appVersionId: app.version.id, secrets: { token: "canary-1" }, ...changes };

    const reply = await actions.call(createConnection, user, input);

    expect(reply).toBeRefused("BAD_INPUT");
    expect(JSON.stringify(reply)).not.toContain("canary");
    expect(await db.db.$count(connections)).toBe(0);
  });

  test("a user name with a colon is refused, because Basic cannot say it", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await appAt(acme, "https://api.acme.example", "BASIC");
    const secrets = { username: "a:b", password: "c" };

    const reply = await actions.call(createConnection, user, { name: "x", appVersionId: app.version.id, secrets });

    expect(reply).toMatchObject({ code: "BAD_INPUT", extensions: { issues: [{ path: "secrets.username" }] } });
  });

  test("a viewer may not", async ({ world, actions }) => {
    const acme = await world.tenant();
    const viewer = await acme.user("viewer");
    const { appVersionId } = await world.action("slack.post_message");

    const reply = await actions.call(createConnection, viewer, { name: "x", appVersionId, secrets: { token: "t" } });

    expect(reply).toBeRefused("FORBIDDEN");
  });

  test("another tenant's app version and a draft do not exist", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const stranger = await globex.user("owner");
    const [foreign, draft] = [await acme.app(), await globex.app({ published: false })];

    const replies = [foreign.version.id, draft.version.id, randomUUID()].map((appVersionId) =>
      actions.call(createConnection, stranger, { name: "x", appVersionId, secrets: {} }),
    );

    for (const reply of await Promise.all(replies))
      expect(reply).toMatchObject({ code: "NOT_FOUND", message: "there is no such published app version" });
  });

  test("a name is used once in a tenant, whatever its case, and again in another", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [ann, bob] = [await acme.user("builder"), await globex.user("builder")];
    const { appVersionId } = await world.action("slack.post_message");
    const input = { name: "Main", appVersionId, secrets: { token: "t" } };
    await actions.succeed(createConnection, ann, input);

    const again = await actions.call(createConnection, ann, { ...input, name: "mAIN" });
    const elsewhere = await actions.call(createConnection, bob, input);

    expect(again).toBeRefused("NAME_TAKEN");
    expect(elsewhere).toMatchObject({ outcome: "done" });
  });

  test("of many at once no more are made than a tenant may have", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { appVersionId } = await world.action("slack.post_message");
    await db.pool.query(
      "insert into connections (tenant_id, app_version_id, name) select $1, $2, 'c' || n from generate_series(1, 497) n",
      [acme.id, appVersionId],
    );

    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        actions.call(createConnection, user, { name: `new ${n}`, appVersionId, secrets: { token: "t" } }),
      ),
    );

    expect(replies.filter(({ outcome }) => outcome === "done")).toHaveLength(3);
    expect(replies.find(({ outcome }) => outcome === "refused")).toBeRefused("CONFLICT");
  });
});
