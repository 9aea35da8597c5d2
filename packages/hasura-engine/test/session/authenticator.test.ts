import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ecKey, edKey, rsaKey, type SigningKey, token } from "./tokens.ts";
import { ADMIN_SECRET, authenticator, bearer, claims, headers, payload, SECRET_ONLY } from "./world.ts";

describe("without tokens", () => {
  test("everybody is admin where no secret is configured", async () => {
    const { authenticate } = await authenticator({});

    const session = await authenticate(headers({ "x-hasura-user-id": "7", other: "x" }));

    expect(session).toMatchObject({ role: "admin", admin: true });
    expect([...session.variables]).toEqual([
      ["x-hasura-user-id", "7"],
      ["x-hasura-role", "admin"],
    ]);
  });

  test("the admin secret brings role and variables from the headers", async () => {
    const { authenticate } = await authenticator(SECRET_ONLY);

    const session = await authenticate(
      headers({
        "x-hasura-admin-secret": ADMIN_SECRET,
        "x-hasura-role": "viewer",
        "x-hasura-allowed-roles": "any",
        authorization: "Bearer nonsense",
      }),
    );

    expect(session).toMatchObject({ role: "viewer", admin: false, backendOnly: false });
    expect(Object.fromEntries(session.variables)).toEqual({
      "x-hasura-role": "viewer",
      "x-hasura-allowed-roles": "any",
    });
  });

  test.each([
    [{ "x-hasura-admin-secret": "wrong" }, "access-denied", 'invalid "x-hasura-admin-secret"/"x-hasura-access-key"'],
    [{}, "access-denied", '"x-hasura-admin-secret"/"x-hasura-access-key" required, but not found'],
    [
      { authorization: "Bearer x" },
      "access-denied",
      '"x-hasura-admin-secret"/"x-hasura-access-key" required, but not found',
    ],
  ])("%j is refused where only a secret is configured", async (given, code, message) => {
    const { authenticate } = await authenticator(SECRET_ONLY);

    await expect(authenticate(headers(given))).rejects.toMatchObject({ code, message, path: "$" });
  });

  test("the unauthorized role stands whatever role is asked for", async () => {
    const { authenticate } = await authenticator({ ...SECRET_ONLY, HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous" });

    const session = await authenticate(
      headers({ "x-hasura-role": "admin", "x-hasura-user-id": "7", "x-hasura-use-backend-only-permissions": "true" }),
    );

    expect(session).toMatchObject({ role: "anonymous", admin: false, backendOnly: false });
    expect(session.variables.get("x-hasura-user-id")).toBe("7");
  });

  test.each([
    ["true", true],
    ["T", true],
    ["Yes", true],
    ["y", true],
    ["false", false],
    ["F", false],
    ["no", false],
    ["N", false],
  ])("backend-only permissions are switched by %s", async (text, expected) => {
    const { authenticate } = await authenticator(SECRET_ONLY);

    const session = await authenticate(
      headers({ "x-hasura-admin-secret": ADMIN_SECRET, "x-hasura-use-backend-only-permissions": text }),
    );

    expect(session.backendOnly).toBe(expected);
  });

  test("other texts for backend-only permissions are refused", async () => {
    const { authenticate } = await authenticator(SECRET_ONLY);

    const outcome = authenticate(
      headers({ "x-hasura-admin-secret": ADMIN_SECRET, "x-hasura-use-backend-only-permissions": "1" }),
    );

    await expect(outcome).rejects.toMatchObject({
      code: "bad-request",
      message:
        'x-hasura-use-backend-only-permissions:  Not a valid boolean text. True values are ["true","t","yes","y"] and  False values are ["false","f","no","n"]. All values are case insensitive',
    });
  });
});

describe("with a configured key", () => {
  const pem = (key: SigningKey): string => key.publicKey.export({ type: "spki", format: "pem" }).toString();
  const [rsa, ec, ed] = [rsaKey(), ecKey(), edKey()];
  const shared = "s".repeat(64);

  const algorithms: readonly [string, string, KeyObject | Buffer][] = [
    ["RS256", pem(rsa), rsa.privateKey],
    ["RS384", pem(rsa), rsa.privateKey],
    ["RS512", pem(rsa), rsa.privateKey],
    ["ES256", pem(ec), ec.privateKey],
    ["Ed25519", pem(ed), ed.privateKey],
    ["HS256", shared, Buffer.from(shared)],
    ["HS384", shared, Buffer.from(shared)],
    ["HS512", shared, Buffer.from(shared)],
  ];

  function env(type: string, key: string, more: Record<string, unknown> = {}): Record<string, string> {
    return { ...SECRET_ONLY, HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type, key, ...more }) };
  }

  async function withClaims(
    extra: Record<string, unknown>,
    given: Record<string, string> = {},
    more: Record<string, unknown> = {},
  ) {
    const { authenticate } = await authenticator(env("HS256", shared, more));
    const text = token({ alg: "HS256" }, payload(extra), "HS256", Buffer.from(shared));
    return authenticate(headers({ ...bearer(text), ...given }));
  }

  test.each(algorithms)("a token signed with %s is accepted", async (type, key, signer) => {
    const { authenticate } = await authenticator(env(type, key));
    const alg = type === "Ed25519" ? "EdDSA" : type;

    const session = await authenticate(
      headers({
        ...bearer(token({ alg }, payload(), alg, signer)),
        "x-hasura-user-id": "other",
        "x-hasura-other": "1",
      }),
    );

    expect(session.role).toBe("builder");
    expect(Object.fromEntries(session.variables)).toEqual({ "x-hasura-user-id": "u1", "x-hasura-role": "builder" });
    expect(session.expiresAt).toBeTypeOf("number");
  });

  test("a token of another algorithm than the key's is refused", async () => {
    const { authenticate } = await authenticator(env("RS256", pem(rsa)));

    await expect(
      authenticate(headers(bearer(token({ alg: "RS512" }, payload(), "RS512", rsa.privateKey)))),
    ).rejects.toMatchObject({ code: "invalid-jwt" });
  });

  test("an allowed role may be asked for", async () => {
    const session = await withClaims({}, { "x-hasura-role": "viewer" });

    expect(session).toMatchObject({ role: "viewer" });
    expect(session.variables.get("x-hasura-role")).toBe("viewer");
  });

  test.each([
    [{ exp: 1 }, "invalid-jwt", "Could not verify JWT: JWTExpired"],
    [{ aud: "other" }, "invalid-jwt", "Could not verify JWT: JWTNotInAudience"],
    [{ iss: "other" }, "invalid-jwt", "Could not verify JWT: JWTNotInIssuer"],
    [
      { "https://hasura.io/jwt/claims": { "x-hasura-allowed-roles": ["a"] } },
      "jwt-missing-role-claims",
      "JWT claim does not contain x-hasura-default-role",
    ],
    [
      { "https://hasura.io/jwt/claims": claims({ "x-hasura-n": 1 }) },
      "jwt-invalid-claims",
      "invalid x-hasura-n; should be a string",
    ],
    [
      { "https://hasura.io/jwt/claims": { "x-hasura-default-role": "a" } },
      "jwt-missing-role-claims",
      "JWT claim does not contain x-hasura-allowed-roles",
    ],
    [
      { "https://hasura.io/jwt/claims": claims({ "x-hasura-allowed-roles": "builder" }) },
      "jwt-invalid-claims",
      "invalid x-hasura-allowed-roles; should be a list of roles",
    ],
    [
      { "https://hasura.io/jwt/claims": claims({ "x-hasura-allowed-roles": ["builder", 1] }) },
      "jwt-invalid-claims",
      "invalid x-hasura-allowed-roles; should be a list of roles",
    ],
    [
      { "https://hasura.io/jwt/claims": claims({ "x-hasura-default-role": 1 }) },
      "jwt-invalid-claims",
      "invalid x-hasura-default-role; should be a role name",
    ],
    [{ "https://hasura.io/jwt/claims": "text" }, "jwt-invalid-claims", "expecting object when parsing claims"],
    [{ "https://hasura.io/jwt/claims": ["a"] }, "jwt-invalid-claims", "expecting object when parsing claims"],
    [
      { "https://hasura.io/jwt/claims": undefined },
      "jwt-invalid-claims",
      "claims key: 'https://hasura.io/jwt/claims' not found",
    ],
  ])("%j is refused", async (extra, code, message) => {
    const more = { audience: ["a", "b"], issuer: "i" };

    await expect(withClaims({ aud: "b", iss: "i", ...extra }, {}, more)).rejects.toMatchObject({ code, message });
  });

  test("a role that is not allowed is refused", async () => {
    await expect(withClaims({}, { "x-hasura-role": "owner" })).rejects.toMatchObject({
      code: "access-denied",
      message: "Your requested role is not in allowed roles",
    });
  });

  test.each(["Basic abc", "Bearer", "Bearer a b", "nonsense", ""])(
    "the header %j is malformed",
    async (authorization) => {
      const { authenticate } = await authenticator({
        ...env("HS256", shared),
        HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
      });

      await expect(authenticate(headers({ authorization }))).rejects.toMatchObject({
        code: "invalid-headers",
        message: "Malformed Authorization header",
      });
    },
  );

  test("without a token and an unauthorized role nobody gets in", async () => {
    const { authenticate } = await authenticator(env("HS256", shared));

    await expect(authenticate(headers({}))).rejects.toMatchObject({
      code: "invalid-headers",
      message: "Missing 'Authorization' or 'Cookie' header in JWT authentication mode",
    });
  });

  test.each([
    ["$.hasura.claims", { hasura: { claims: claims() } }],
    ["$", claims()],
    ["$.list[1]", { list: [0, claims()] }],
    ["$['https://example.test/claims']['all']", { "https://example.test/claims": { all: claims() } }],
  ])("claims are found at %s", async (claimsPath, extra) => {
    const session = await withClaims(extra, {}, { claims_namespace_path: claimsPath });

    expect(session.role).toBe("builder");
  });

  test("claims may be a JSON text where configured", async () => {
    const session = await withClaims(
      { mine: JSON.stringify(claims()) },
      {},
      { claims_namespace: "mine", claims_format: "stringified_json" },
    );

    expect(session.role).toBe("builder");
  });

  test("a token of the allowed skew's age is still accepted", async () => {
    const exp = Math.floor(Date.now() / 1000) - 10;

    await expect(withClaims({ exp }, {}, { allowed_skew: 30 })).resolves.toMatchObject({ role: "builder" });
  });

  test("a token that was accepted before expires all the same, and each use gets variables of its own", async () => {
    const key = rsaKey();
    let now = Date.now();
    const { authenticate } = await authenticator(
      env("RS256", key.publicKey.export({ type: "spki", format: "pem" }).toString()),
      { now: () => now },
    );
    const presented = bearer(token({ alg: "RS256" }, payload(), "RS256", key.privateKey));

    const asBuilder = await authenticate(headers(presented));
    const asViewer = await authenticate(headers({ ...presented, "x-hasura-role": "viewer" }));
    now += 61_000;

    expect([asBuilder, asViewer].map(({ variables }) => variables.get("x-hasura-role"))).toEqual(["builder", "viewer"]);
    await expect(authenticate(headers(presented))).rejects.toMatchObject({
      message: "Could not verify JWT: JWTExpired",
    });
  });

  test("an RSA key shorter than 2048 bits signs nothing that is accepted", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const { authenticate } = await authenticator(
      env("RS256", weak.publicKey.export({ type: "spki", format: "pem" }).toString()),
    );

    await expect(
      authenticate(headers(bearer(token({ alg: "RS256" }, payload(), "RS256", weak.privateKey)))),
    ).rejects.toMatchObject({ code: "invalid-jwt" });
  });
});
