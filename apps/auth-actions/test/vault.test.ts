import { connections, dataKeys } from "@control-plane/db";
import { test as base, type DoubleAnswer, type RecordedRequest } from "@control-plane/testkit";
import { eq, isNotNull } from "drizzle-orm";
import { expect } from "vitest";
import { z } from "zod";
import { createConnection } from "../src/actions/create-connection.ts";
import { testConnection } from "../src/actions/test-connection.ts";
import { updateConnectionSecrets } from "../src/actions/update-connection-secrets.ts";
import { runningWith } from "./connections.ts";
import { ACTION_SECRET, openService } from "./service.ts";

const bodySchema = z.object({
  plaintext: z.string().optional(),
  ciphertext: z.string().optional(),
  associated_data: z.string().optional(),
});

/** As much of Vault's transit engine as a key needs: what it wraps it unwraps, in the same context only. */
function vault({ path, body }: RecordedRequest): DoubleAnswer {
  if (path === "/v1/transit/keys/cp") return { body: { data: { latest_version: 1 } } };
  const { plaintext, ciphertext, associated_data: context } = bodySchema.parse(JSON.parse(body));
  if (path === "/v1/transit/encrypt/cp")
    return { body: { data: { ciphertext: `vault:v1:${toText({ plaintext, context })}` } } };
  const wrapped = fromText(ciphertext?.split(":")[2] ?? "");
  return wrapped.context === context ? { body: { data: { plaintext: wrapped.plaintext } } } : { status: 400 };
}

const toText = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
const wrappedSchema = z.object({ plaintext: z.string(), context: z.string() });
const fromText = (text: string) => wrappedSchema.parse(JSON.parse(Buffer.from(text, "base64").toString()));

/** Services whose keys are wrapped by the HTTP double; each one that is opened knows no key yet. */
const test = base.extend("open", async ({ db, keys, http, actions }, { onCleanup }) => {
  http.answer(vault);
  const closes: (() => Promise<void>)[] = [];
  onCleanup(async () => {
    for (const close of closes) await close();
  });
  return async () => {
    const service = await openService(db, keys, {
      KEY_PROVIDER: "vault",
      VAULT_ADDR: http.url,
      VAULT_TOKEN: "test-token",
      VAULT_TRANSIT_KEY: "cp",
    });
    closes.push(service.close);
    actions.bind(service.server, ACTION_SECRET);
    return service;
  };
});

const AWAY = ["drop", "hang", { status: 503 }] as const;
const UNAVAILABLE = { outcome: "refused", status: 503, code: "UNAVAILABLE" };

test.for(AWAY)(
  "while Vault answers %o nothing is created, and afterwards it is, without a restart",
  async (away, { db, open, http, world, actions }) => {
    await open();
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { appVersionId } = await world.action("slack.post_message");
    const input = { name: "main", appVersionId, secrets: { token: "canary-1" } };
    http.answer(away);

    const refused = await actions.call(createConnection, user, input);
    const left = [await db.db.$count(connections), await db.db.$count(dataKeys, isNotNull(dataKeys.tenantId))];
    http.answer(vault);
    const done = await actions.call(createConnection, user, input);

    expect(refused).toMatchObject(UNAVAILABLE);
    expect(JSON.stringify(refused)).not.toContain("canary");
    expect(left).toEqual([0, 0]);
    expect(done).toMatchObject({ outcome: "done" });
  },
);

test("while Vault is away nothing of a connection is opened, changed or judged", async ({
  db,
  open,
  http,
  world,
  actions,
}) => {
  await open();
  const acme = await world.tenant();
  const user = await acme.user("builder");
  const app = await acme.app({
    version: {
      authType: "BEARER",
      baseUrl: "https://api.acme.example",
      allowedHosts: ["api.acme.example"],
      testRequest: { method: "GET", path: "/", expectedStatus: [200] },
    },
  });
  const secrets = { token: "tok-1" };
  const { connectionId } = await actions.succeed(createConnection, user, {
    name: "main",
    appVersionId: app.version.id,
    secrets,
  });
  const row = async () => (await db.db.select().from(connections).where(eq(connections.id, connectionId)))[0];
  const before = await row();
  const { read } = await runningWith(await open(), acme, app, connectionId);
  http.answer("drop");

  const tested = await actions.call(testConnection, user, { connectionId });
  const updated = await actions.call(updateConnectionSecrets, user, { connectionId, secrets });
  const credential = await read();
  const after = await row();
  http.answer(vault);

  expect(tested).toMatchObject(UNAVAILABLE);
  expect(updated).toMatchObject(UNAVAILABLE);
  expect(credential).toMatchObject({ status: 503, code: "UNAVAILABLE" });
  expect(after).toEqual(before);
  expect(await read()).toMatchObject({ status: 200, body: { headers: { authorization: "Bearer tok-1" } } });
});
