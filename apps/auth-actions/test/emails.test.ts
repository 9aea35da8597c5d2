import { newToken } from "@control-plane/crypto";
import { inTransaction } from "@control-plane/db";
import { expect } from "vitest";
import { type EmailPayload, openEmail, queueEmail, sealEmail } from "../src/domain/emails.ts";
import { test } from "./service.ts";

const IN_A_WEEK = "2030-01-08T00:00:00.000Z";

function invitation(): Extract<EmailPayload, { kind: "INVITATION" }> {
  const { token } = newToken("inv_");
  return { kind: "INVITATION", token, tenantName: "Acme", inviterName: "Ada", role: "viewer", expiresAt: IN_A_WEEK };
}

test("a queued mail holds its payload as ciphertext that opens only in its own row", async ({ service, world, db }) => {
  const { deps } = service;
  const acme = await world.tenant();
  const payload = invitation();

  const email = await sealEmail(deps.envelope, { tenantId: acme.id, recipient: "new@example.com", payload });
  const other = await sealEmail(deps.envelope, { tenantId: null, recipient: "new@example.com", payload });
  await inTransaction(deps.db, { source: "auth-actions" }, (tx) => queueEmail(tx, email));

  const { rows } = await db.pool.query<{ row: string; kind: string; status: string }>(
    "select e::text as row, kind, status from internal.emails e",
  );
  expect(rows).toEqual([{ row: expect.not.stringContaining(payload.token), kind: "INVITATION", status: "QUEUED" }]);
  expect(email.payloadCipher.toString("latin1")).not.toContain(payload.token);
  expect(await openEmail(deps.envelope, email)).toEqual(payload);
  await expect(openEmail(deps.envelope, { ...email, payloadCipher: other.payloadCipher })).rejects.toThrow(
    "does not open here",
  );
});

test("a mail of a transaction that fails is not queued", async ({ service, db }) => {
  const { deps } = service;
  const email = await sealEmail(deps.envelope, { tenantId: null, recipient: "a@example.com", payload: invitation() });

  const refused = inTransaction(deps.db, { source: "auth-actions" }, async (tx) => {
    await queueEmail(tx, email);
    throw new Error("changed its mind");
  });

  await expect(refused).rejects.toThrow("changed its mind");
  expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(0);
});
