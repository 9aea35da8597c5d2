import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";

const path = z.array(z.string());
const operationSchema = z.discriminatedUnion("op", [
  z.object({ op: z.literal("header.set"), name: z.string(), value: z.unknown() }),
  z.object({ op: z.literal("header.delete"), name: z.string() }),
  z.object({ op: z.literal("header.raw"), text: z.string() }),
  z.object({ op: z.literal("payload.set"), path, value: z.unknown() }),
  z.object({ op: z.literal("payload.delete"), path }),
  z.object({ op: z.literal("payload.raw"), text: z.string() }),
  z.object({ op: z.literal("sign"), alg: z.string(), key: z.string().optional(), secret: z.string().optional() }),
  z.object({ op: z.literal("signature.flipBit"), byte: z.int() }),
  z.object({ op: z.literal("signature.truncate"), bytes: z.int() }),
  z.object({ op: z.literal("signature.remove") }),
  z.object({ op: z.literal("payload.replaceAfterSigning"), path, value: z.unknown() }),
  z.object({ op: z.literal("header.replaceAfterSigning"), name: z.string(), value: z.unknown() }),
  z.object({ op: z.literal("token.keepSegments"), count: z.int() }),
  z.object({ op: z.literal("token.append"), text: z.string() }),
  z.object({ op: z.literal("segment.pad"), index: z.int() }),
]);
type Operation = z.infer<typeof operationSchema>;

const rowSchema = z.object({ name: z.string(), mutate: z.array(operationSchema) });
const tableSchema = z.object({
  base: z.object({ header: z.record(z.string(), z.unknown()), payload: z.record(z.string(), z.unknown()) }),
  negative: z.array(rowSchema),
  positive: z.array(rowSchema),
  transport: z.array(
    z.object({
      name: z.string(),
      headers: z.array(z.tuple([z.string(), z.string()])),
      query: z.string().optional(),
      services: z.string(),
    }),
  ),
});

export type TokenRow = z.infer<typeof rowSchema>;
export type TableKey = { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };

/** What the rows speak of by name: `current`, `foreign` …; `iss`, `userId` …; `now` in whole seconds. */
export type TokenContext = {
  readonly keys: Readonly<Record<string, TableKey>>;
  readonly values: Readonly<Record<string, string>>;
  readonly now: number;
};

/** The table of tokens that every verifier must judge alike: vectors/jwt-negative.json, whose header explains it. */
export function readTokenTable(): z.infer<typeof tableSchema> {
  return tableSchema.parse(
    JSON.parse(readFileSync(resolve(import.meta.dirname, "../vectors/jwt-negative.json"), "utf8")),
  );
}

export function newTableKey(kind: "rsa" | "ec" | "ed"): TableKey {
  const kid = randomUUID();
  if (kind === "rsa") return { kid, ...generateKeyPairSync("rsa", { modulusLength: 2048 }) };
  if (kind === "ec") return { kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
  return { kid, ...generateKeyPairSync("ed25519") };
}

const table = readTokenTable();

/** The token of a row. */
export function buildToken(row: TokenRow, context: TokenContext): string {
  const header: Record<string, unknown> = structuredClone(table.base.header);
  const payload: Record<string, unknown> = structuredClone(table.base.payload);
  let [rawHeader, rawPayload]: (string | undefined)[] = [];
  let signing: Extract<Operation, { op: "sign" }> = { op: "sign", alg: "RS256", key: "current" };
  for (const operation of row.mutate) {
    switch (operation.op) {
      case "header.set":
        header[operation.name] = operation.value;
        break;
      case "header.delete":
        delete header[operation.name];
        break;
      case "header.raw":
        rawHeader = operation.text;
        break;
      case "payload.set":
        setAt(payload, operation.path, operation.value);
        break;
      case "payload.delete":
        setAt(payload, operation.path, undefined);
        break;
      case "payload.raw":
        rawPayload = operation.text;
        break;
      case "sign":
        signing = operation;
        break;
      default:
    }
  }
  const input = `${encode(rawHeader ?? fill(header, context))}.${encode(rawPayload ?? fill(payload, context))}`;
  const segments = [...input.split("."), signatureOf(input, signing, context).toString("base64url")];
  return row.mutate.reduce((changed, operation) => afterSigning(changed, operation, context), segments).join(".");
}

/** A text of the table with its `{{…}}` replaced. */
export function fillText(text: string, context: TokenContext): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_whole, expression: string) => {
    const time = /^now([+-]\d+)?(?:\|text)?$/.exec(expression);
    if (time !== null) return String(context.now + Number(time[1] ?? 0));
    const [kind = "", ...rest] = expression.split(/[.:]/);
    if (kind === "kid") return keyOf(rest[0], context).kid;
    if (kind === "repeat") return (rest[0] ?? "").repeat(Number(rest[1]));
    if (kind === "token") return buildToken(rowNamed(rest.join(":")), context);
    return context.values[kind] ?? "";
  });
}

function rowNamed(name: string): TokenRow {
  const row = [...table.positive, ...table.negative].find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`the table has no row ${name}`);
  return row;
}

function fill(value: unknown, context: TokenContext): unknown {
  if (typeof value === "string") {
    const jwk = /^\{\{jwk\.(\w+)\}\}$/.exec(value)?.[1];
    if (jwk !== undefined) return keyOf(jwk, context).publicKey.export({ format: "jwk" });
    const text = fillText(value, context);
    return /^\{\{now([+-]\d+)?\}\}$/.test(value) ? Number(text) : text;
  }
  if (Array.isArray(value)) return value.map((member) => fill(member, context));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, context)]));
}

function afterSigning(segments: string[], operation: Operation, context: TokenContext): string[] {
  const [header = "", payload = "", signed = ""] = segments;
  const bytes = Buffer.from(signed, "base64url");
  switch (operation.op) {
    case "signature.flipBit":
      bytes.writeUInt8(bytes.readUInt8(operation.byte) ^ 1, operation.byte);
      return [header, payload, bytes.toString("base64url")];
    case "signature.truncate":
      return [header, payload, bytes.subarray(0, operation.bytes).toString("base64url")];
    case "signature.remove":
      return [header, payload, ""];
    case "payload.replaceAfterSigning": {
      const changed = decode(payload);
      setAt(changed, operation.path, fill(operation.value, context));
      return [header, encode(changed), signed];
    }
    case "header.replaceAfterSigning":
      return [encode({ ...decode(header), [operation.name]: operation.value }), payload, signed];
    case "token.keepSegments":
      return segments.slice(0, operation.count);
    case "token.append":
      return [...segments.slice(0, -1), `${segments.at(-1)}${operation.text}`];
    case "segment.pad":
      return segments.map((segment, index) => (index === operation.index ? `${segment}==` : segment));
    default:
      return segments;
  }
}

function signatureOf(input: string, { alg, key, secret }: Extract<Operation, { op: "sign" }>, context: TokenContext) {
  const hash = `sha${alg.slice(2)}`;
  if (alg === "none") return Buffer.alloc(0);
  if (secret !== undefined) return createHmac(hash, secretNamed(secret, context)).update(input).digest();
  const { privateKey } = keyOf(key, context);
  const data = Buffer.from(input);
  if (alg === "EdDSA") return sign(null, data, privateKey);
  if (alg.startsWith("ES")) return sign(hash, data, { key: privateKey, dsaEncoding: "ieee-p1363" });
  if (alg.startsWith("PS")) return sign(hash, data, { key: privateKey, padding: 6, saltLength: 32 });
  return sign(hash, data, privateKey);
}

function secretNamed(name: string, context: TokenContext): Buffer {
  const { kid, publicKey } = keyOf("current", context);
  if (name === "public-pem") return Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
  if (name === "jwk-n") return Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url");
  return name === "kid" ? Buffer.from(kid) : Buffer.alloc(0);
}

function keyOf(name: string | undefined, { keys }: TokenContext): TableKey {
  const key = keys[name ?? ""];
  if (key === undefined) throw new Error(`the context has no key ${name}`);
  return key;
}

function setAt(target: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) {
    const below = z.record(z.string(), z.unknown()).parse(target[first] ?? {});
    setAt(below, rest, value);
    target[first] = below;
  } else if (value === undefined) delete target[first];
  else target[first] = value;
}

function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

function decode(segment: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(segment, "base64url").toString()));
}
