import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from "node:crypto";
import { createServer, type Server } from "node:http";

export type SigningKey = { kid: string; privateKey: KeyObject; publicKey: KeyObject };

export function rsaKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync("rsa", { modulusLength: 2048 }) };
}

export function ecKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

export function edKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync("ed25519") };
}

export function publicJwk(key: SigningKey, alg: string): JsonWebKey {
  return { ...key.publicKey.export({ format: "jwk" }), kid: key.kid, alg, use: "sig" };
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** Signs `header.payload` with the named algorithm; `secret` only for HS*. */
export function signature(input: string, alg: string, key: KeyObject | Buffer): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (Buffer.isBuffer(key)) return createHmac(hash, key).update(input).digest();
  const data = Buffer.from(input);
  if (alg === "EdDSA" || alg === "Ed25519") return sign(null, data, key);
  if (alg.startsWith("ES")) return sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  if (alg.startsWith("PS")) return sign(hash, data, { key, padding: 6, saltLength: 32 });
  return sign(hash, data, key);
}

export function token(header: unknown, payload: unknown, alg: string, key: KeyObject | Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signature(input, alg, key).toString("base64url")}`;
}

export type JwksServer = { url: string; requests(): number; close(): Promise<void> };

/** Serves whatever `answer` gives at the time of the request. */
export async function startJwks(
  answer: () => { status?: number; headers?: Record<string, string>; keys: readonly unknown[] },
): Promise<JwksServer> {
  let requests = 0;
  const server: Server = createServer((_request, response) => {
    requests += 1;
    const { status = 200, headers = {}, keys } = answer();
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}/jwks.json`,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
