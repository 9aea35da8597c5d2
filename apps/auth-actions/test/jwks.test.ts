import { createPublicKey } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import { expect } from "vitest";
import { z } from "zod";
import { login } from "../src/actions/login.ts";
import { openSigningKeys } from "../src/domain/signing-keys.ts";
import { test, verified } from "./service.ts";

const keysSchema = z.object({ keys: z.array(z.record(z.string(), z.string())) });

test("the key set shows RSA keys of 3072 bits by their thumbprint, public halves only, for a minute", async ({
  service,
}) => {
  const reply = await service.server.inject("/.well-known/jwks.json");

  expect(reply.headers["cache-control"]).toBe("public, max-age=60");
  const { keys } = keysSchema.parse(reply.json());
  expect(keys).toHaveLength(1);
  const [key = {}] = keys;
  expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  expect(key).toMatchObject({ kty: "RSA", use: "sig", alg: "RS256" });
  expect(key.kid).toBe(await calculateJwkThumbprint({ kty: "RSA", n: key.n ?? "", e: key.e ?? "" }));
  const publicKey = createPublicKey({ key, format: "jwk" });
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
});

test("the private key is stored under the platform's data key", async ({ db, service }) => {
  const { rows } = await db.pool.query<{ cipher: Buffer; jwk: object }>(
    "select private_key_cipher as cipher, public_jwk as jwk from internal.signing_keys",
  );

  expect(rows).toHaveLength(1);
  expect(rows[0]?.cipher.toString("latin1")).not.toContain("PRIVATE KEY");
  expect(Object.keys(rows[0]?.jwk ?? {}).sort()).toEqual(["e", "kty", "n"]);
  expect(service.deps.signingKeys.current().privateKeyPem).toContain("PRIVATE KEY");
});

test("eight replicas that start together on an empty table make one key between them", async ({
  db,
  service,
  keys,
}) => {
  await db.pool.query("delete from internal.signing_keys");
  const { log } = service.deps;

  const replicas = await Promise.all(
    Array.from({ length: 8 }, () => openSigningKeys({ db: db.as("cp_auth").db, envelope: keys.envelope, log })),
  );

  const kids = new Set(replicas.map((replica) => replica.current().kid));
  await Promise.all(replicas.map((replica) => replica.stop()));
  expect(kids.size).toBe(1);
  expect((await db.pool.query("select 1 from internal.signing_keys")).rowCount).toBe(1);
});

test("keys that come next or retire are published, retired ones are not", async ({ db, keys, service }) => {
  const states = ["NEXT", "RETIRING", "RETIRED"];
  for (const state of states)
    await db.pool.query(
      `insert into internal.signing_keys (kid, public_jwk, private_key_cipher, state)
       select $1::text, public_jwk, private_key_cipher, $1::text::internal.signing_key_state
         from internal.signing_keys where state = 'CURRENT'`,
      [state],
    );

  const reloaded = await openSigningKeys({
    db: db.as("cp_auth").db,
    envelope: keys.envelope,
    log: service.deps.log,
  });

  const kids = reloaded.publicKeys().map(({ kid }) => kid);
  await reloaded.stop();
  expect(new Set(kids)).toEqual(new Set([service.deps.signingKeys.current().kid, "NEXT", "RETIRING"]));
});

test("every token is signed with the current key and has its own id", async ({ world, actions, service }) => {
  const user = await (await world.tenant()).user("viewer");
  const tokenSchema = z.object({ accessToken: z.string() });
  const signIn = async () =>
    tokenSchema.parse(await actions.succeed(login, "anonymous", { email: user.email, password: user.password }))
      .accessToken;

  const [first, second] = [await verified(service, await signIn()), await verified(service, await signIn())];

  expect(first.protectedHeader.kid).toBe(service.deps.signingKeys.current().kid);
  expect(first.payload.jti).not.toBe(second.payload.jti);
});
