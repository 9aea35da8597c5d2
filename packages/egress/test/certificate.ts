import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export type Certificate = { readonly cert: string; readonly key: string };
export type Issuer = { readonly name: string; readonly key: KeyObject };

const SHA256_ECDSA = "2a8648ce3d040302";
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const DAY_MS = 86_400_000;

/** A certificate authority of the test's own. */
export function createAuthority(name: string): { readonly cert: string; readonly issuer: Issuer } {
  const { cert, key } = createCertificate({ name, names: [], isAuthority: true });
  return { cert, issuer: { name, key: createPrivateKey(key) } };
}

/** @param of.issuer default: itself. @param of.validDays counted from ten days ago */
export function createCertificate(of: {
  name: string;
  names: readonly string[];
  issuer?: Issuer;
  isAuthority?: boolean;
  validDays?: number;
}): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = of.issuer ?? { name: of.name, key: privateKey };
  const start = Date.now() - 10 * DAY_MS;
  const algorithm = sequence(oid(SHA256_ECDSA));
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer.name),
    sequence(time(start), time(start + (of.validDays ?? 365) * DAY_MS)),
    distinguishedName(of.name),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions(of.names, of.isAuthority ?? false))),
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  const der = sequence(toBeSigned, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extensions(names: readonly string[], isAuthority: boolean): Buffer[] {
  const altNames = names.map((name) =>
    /^\d+(\.\d+){3}$/.test(name)
      ? tagged(0x87, Buffer.from(name.split(".").map(Number)))
      : tagged(0x82, Buffer.from(name, "ascii")),
  );
  return [
    ...(names.length > 0 ? [sequence(oid(SUBJECT_ALT_NAME), tagged(0x04, sequence(...altNames)))] : []),
    ...(isAuthority
      ? [sequence(oid(BASIC_CONSTRAINTS), tagged(0x04, sequence(tagged(0x01, Buffer.from([0xff])))))]
      : []),
  ];
}

function distinguishedName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid(COMMON_NAME), tagged(0x0c, Buffer.from(name, "utf8")))));
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, "");
  return tagged(0x18, Buffer.from(text, "ascii"));
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
