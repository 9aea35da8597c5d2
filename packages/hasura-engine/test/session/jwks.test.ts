import { expect, test } from "vitest";
import { type JwksServer, publicJwk, rsaKey, type SigningKey, startJwks, token } from "./tokens.ts";
import { authenticator, bearer, headers, open, payload, SECRET_ONLY } from "./world.ts";

// Keys that are fetched: when, when again, and which of them count.

function env(url: string): Record<string, string> {
  return { ...SECRET_ONLY, HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ jwk_url: url }) };
}

function signed(key: SigningKey): ReadonlyMap<string, string> {
  return headers(bearer(token({ alg: "RS256", kid: key.kid }, payload(), "RS256", key.privateKey)));
}

async function serve(answer: Parameters<typeof startJwks>[0]): Promise<JwksServer> {
  const server = await startJwks(answer);
  open.push(server);
  return server;
}

test("a rotated key is accepted once max-age has passed, and the dropped key no more", async () => {
  const [first, second] = [rsaKey(), rsaKey()];
  let published = [first];
  const server = await serve(() => ({
    headers: { "cache-control": "public, max-age=1" },
    keys: published.map((key) => publicJwk(key, "RS256")),
  }));
  const { authenticate } = await authenticator(env(server.url));
  const before = signed(first);
  await expect(authenticate(before)).resolves.toMatchObject({ role: "builder" });

  published = [second];

  await expect.poll(() => authenticate(signed(second)).then((session) => session.role, String)).toBe("builder");
  await expect(authenticate(before)).rejects.toMatchObject({ code: "invalid-jwt" });
});

test("an unknown key triggers no fetch, and without a freshness header there is none later", async () => {
  const [known, unknown] = [rsaKey(), rsaKey()];
  const server = await serve(() => ({ keys: [publicJwk(known, "RS256")] }));
  const { authenticate } = await authenticator(env(server.url));

  await expect(authenticate(signed(unknown))).rejects.toMatchObject({
    message: "Could not verify JWT: JWSError JWSInvalidSignature",
  });

  expect(server.requests()).toBe(1);
});

test("a failed refresh keeps the keys and is tried again", async () => {
  const [first, second] = [rsaKey(), rsaKey()];
  let requests = 0;
  const server = await serve(() => {
    requests += 1;
    if (requests === 2) return { status: 503, keys: [] };
    return {
      headers: { expires: new Date(Date.now() + 1000).toUTCString() },
      keys: [publicJwk(requests === 1 ? first : second, "RS256")],
    };
  });
  const failures: unknown[] = [];
  const { authenticate } = await authenticator(env(server.url), {
    retryDelayMs: 10,
    onError: (error) => failures.push(error),
  });

  await expect.poll(() => authenticate(signed(second)).then((session) => session.role, String)).toBe("builder");

  expect(failures).toHaveLength(1);
});

test("the start survives a server that comes up late", async () => {
  const key = rsaKey();
  let requests = 0;
  const server = await serve(() => {
    requests += 1;
    return requests < 3 ? { status: 500, keys: [] } : { keys: [publicJwk(key, "RS256")] };
  });

  const { authenticate } = await authenticator(env(server.url), { retryDelayMs: 5 });

  await expect(authenticate(signed(key))).resolves.toMatchObject({ role: "builder" });
});

test("the start fails when the keys stay unreachable", async () => {
  const server = await serve(() => ({ status: 500, keys: [] }));

  await expect(authenticator(env(server.url), { retryDelayMs: 1, attempts: 3 })).rejects.toThrow("cannot be read");

  expect(server.requests()).toBe(3);
});

test("a key that cannot be read does not keep the others from being used", async () => {
  const [good, weak] = [rsaKey(), rsaKey()];
  const server = await serve(() => ({
    keys: [
      { kty: "RSA", kid: "broken", alg: "RS256", n: "x" },
      { kty: "EC", kid: "off-the-curve", crv: "P-256", x: "AA", y: "AA" },
      { kid: 7 },
      "nonsense",
      publicJwk(good, "RS256"),
      { ...publicJwk(weak, "RS256"), use: "enc" },
    ],
  }));

  const { authenticate } = await authenticator(env(server.url));

  await expect(authenticate(signed(good))).resolves.toMatchObject({ role: "builder" });
  await expect(authenticate(signed(weak))).rejects.toMatchObject({ code: "invalid-jwt" });
});

test("a symmetric key in the document is never used", async () => {
  const server = await serve(() => ({
    keys: [
      publicJwk(rsaKey(), "RS256"),
      { kty: "oct", kid: "shared", k: Buffer.from("s".repeat(32)).toString("base64url"), alg: "HS256" },
    ],
  }));
  const { authenticate } = await authenticator(env(server.url));

  const text = token({ alg: "HS256", kid: "shared" }, payload(), "HS256", Buffer.from("s".repeat(32)));

  await expect(authenticate(headers(bearer(text)))).rejects.toMatchObject({ code: "invalid-jwt" });
});
