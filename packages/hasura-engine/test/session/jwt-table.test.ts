import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { HasuraError } from "../../src/hasura-error.ts";
import { type Authenticator, createAuthenticator } from "../../src/session/authenticator.ts";
import type { Session } from "../../src/session/session.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import {
  ecKey,
  edKey,
  encode,
  type JwksServer,
  publicJwk,
  rsaKey,
  type SigningKey,
  signature,
  startJwks,
} from "./tokens.ts";

const file = resolve(import.meta.dirname, "../../../testkit/vectors/jwt-negative.json");

const operationSchema = z.looseObject({ op: z.string() });
const rowSchema = z.object({ name: z.string(), mutate: z.array(operationSchema), engine: z.string().optional() });
const transportSchema = z.object({
  name: z.string(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  engine: z.string(),
});
const tableSchema = z.object({
  base: z.object({ header: z.record(z.string(), z.unknown()), payload: z.record(z.string(), z.unknown()) }),
  negative: z.array(rowSchema),
  positive: z.array(rowSchema),
  transport: z.array(transportSchema),
});
type Row = z.infer<typeof rowSchema>;

const table = tableSchema.parse(JSON.parse(readFileSync(file, "utf8")));

const now = 1_800_000_000;
const keys: Readonly<Record<string, SigningKey>> = {
  current: rsaKey(),
  previous: rsaKey(),
  next: rsaKey(),
  retired: rsaKey(),
  foreign: rsaKey(),
  foreignEc: ecKey(),
  foreignEd: edKey(),
};
const values: Readonly<Record<string, string>> = {
  iss: "https://issuer.example",
  aud: "control-plane",
  userId: randomUUID(),
  otherUserId: randomUUID(),
  tenantId: randomUUID(),
  otherTenantId: randomUUID(),
  jti: randomUUID(),
  adminRole: "tenant_admin",
};

let canaryRequests: () => number;
let closers: JwksServer[] = [];
let authenticator: Authenticator;
let canaryUrl = "";

beforeAll(async () => {
  const jwks = await startJwks(() => ({
    keys: ["current", "previous", "next"].map((name) => publicJwk(keyOf(name), "RS256")),
  }));
  const canary = await startJwks(() => ({ keys: [] }));
  closers = [jwks, canary];
  canaryRequests = canary.requests;
  canaryUrl = canary.url;
  const settings = settingsFromEnv({
    HASURA_GRAPHQL_ADMIN_SECRET: "the-admin-secret",
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({
      jwk_url: jwks.url,
      issuer: values.iss,
      audience: values.aud,
      claims_namespace: "https://hasura.io/jwt/claims",
      allowed_skew: 30,
    }),
  });
  authenticator = await createAuthenticator(settings, { now: () => now * 1000 });
});

afterAll(async () => {
  authenticator.close();
  await Promise.all(closers.map((server) => server.close()));
});

describe("the table of tokens", () => {
  test("holds tokens to refuse and tokens to accept", () => {
    expect(Math.min(table.negative.length, table.positive.length, table.transport.length)).toBeGreaterThan(0);
  });

  const asserted = table.negative.filter((row) => row.engine !== "not asserted");
  test.each(asserted.map((row) => [row.name, row.name.startsWith("aud-") ? " [CVE-2019-1020015]" : "", row] as const))(
    "%s is refused%s",
    async (_name, _tag, row) => {
      const outcome = await attempt({ authorization: `Bearer ${build(row)}` });

      expect(outcome).toMatchObject({ code: row.engine });
      expect(canaryRequests()).toBe(0);
    },
  );

  test.each(table.positive.map((row) => [row.name, row] as const))("%s is accepted", async (_name, row) => {
    const outcome = await attempt({ authorization: `Bearer ${build(row)}` });

    expect(outcome).toMatchObject({ admin: false, backendOnly: false });
  });

  test.each(table.transport.map((row) => [row.name, row] as const))("transport: %s", async (_name, row) => {
    const headers = row.headers.map(([name, value]) => [name, substitute(value).trim()]);

    const outcome = await attempt(Object.fromEntries(headers));

    if (row.engine.startsWith("role anonymous")) expect(outcome).toMatchObject({ role: "anonymous" });
    else if (row.engine === "tenant of the token")
      expect(variable(outcome, "x-hasura-tenant-id")).toBe(values.tenantId);
    else if (row.engine === "user of the token") expect(variable(outcome, "x-hasura-user-id")).toBe(values.userId);
    else if (row.engine.startsWith("error")) expect(outcome).toBeInstanceOf(HasuraError);
    else expect(outcome).toMatchObject({ code: row.engine.split(",")[0] });
  });
});

async function attempt(headers: Record<string, string>): Promise<Session | HasuraError> {
  try {
    return await authenticator.authenticate(new Map(Object.entries(headers)));
  } catch (error) {
    if (error instanceof HasuraError) return error;
    throw error;
  }
}

function variable(outcome: Session | HasuraError, name: string): string | undefined {
  return "variables" in outcome ? outcome.variables.get(name) : undefined;
}

function keyOf(name: string): SigningKey {
  const key = keys[name];
  if (key === undefined) throw new Error(`no key ${name}`);
  return key;
}

/** Interprets the table's `mutate` language on the base token. */
function build(row: Row): string {
  const header: Record<string, unknown> = structuredClone(table.base.header);
  const payload: Record<string, unknown> = structuredClone(table.base.payload);
  let rawHeader: string | undefined;
  let rawPayload: string | undefined;
  let alg = "RS256";
  let key = keyOf("current").privateKey as ReturnType<typeof keyOf>["privateKey"] | Buffer | undefined;
  const later: ((segments: string[]) => string[])[] = [];
  for (const operation of row.mutate) {
    switch (operation.op) {
      case "header.set":
        header[text(operation.name)] = operation.value;
        break;
      case "header.delete":
        delete header[text(operation.name)];
        break;
      case "header.raw":
        rawHeader = text(operation.text);
        break;
      case "payload.set":
        setAt(payload, path(operation.path), operation.value);
        break;
      case "payload.delete":
        setAt(payload, path(operation.path), undefined);
        break;
      case "payload.raw":
        rawPayload = text(operation.text);
        break;
      case "sign":
        alg = text(operation.alg);
        key =
          operation.secret === undefined
            ? alg === "none"
              ? undefined
              : keyOf(text(operation.key)).privateKey
            : secret(text(operation.secret));
        break;
      default:
        later.push((segments) => afterSigning(segments, operation));
    }
  }
  const input = `${encode(rawHeader ?? substituteDeep(header))}.${encode(rawPayload ?? substituteDeep(payload))}`;
  const signed = key === undefined ? "" : signature(input, alg, key).toString("base64url");
  return later.reduce((segments, change) => change(segments), [...input.split("."), signed]).join(".");
}

function afterSigning(segments: string[], operation: z.infer<typeof operationSchema>): string[] {
  const [header = "", payload = "", signed = ""] = segments;
  const bytes = Buffer.from(signed, "base64url");
  switch (operation.op) {
    case "signature.flipBit": {
      const at = Number(operation.byte);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return [header, payload, bytes.toString("base64url")];
    }
    case "signature.truncate":
      return [header, payload, bytes.subarray(0, Number(operation.bytes)).toString("base64url")];
    case "signature.remove":
      return [header, payload, ""];
    case "payload.replaceAfterSigning": {
      const changed = JSON.parse(Buffer.from(payload, "base64url").toString());
      setAt(changed, path(operation.path), substituteDeep(operation.value));
      return [header, encode(changed), signed];
    }
    case "header.replaceAfterSigning": {
      const changed = JSON.parse(Buffer.from(header, "base64url").toString());
      changed[text(operation.name)] = operation.value;
      return [encode(changed), payload, signed];
    }
    case "token.keepSegments":
      return segments.slice(0, Number(operation.count));
    case "token.append":
      return [...segments.slice(0, -1), `${segments.at(-1)}${text(operation.text)}`];
    case "segment.pad":
      return segments.map((segment, index) => (index === Number(operation.index) ? `${segment}==` : segment));
    default:
      throw new Error(`unknown operation ${operation.op}`);
  }
}

function secret(name: string): Buffer {
  const { kid, publicKey } = keyOf("current");
  if (name === "public-pem") return Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
  if (name === "jwk-n") return Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url");
  return name === "kid" ? Buffer.from(kid) : Buffer.alloc(0);
}

function setAt(target: Record<string, unknown>, keysDown: readonly string[], value: unknown): void {
  const [first = "", ...rest] = keysDown;
  if (rest.length > 0) {
    target[first] ??= {};
    setAt(asRecord(target[first]), rest, value);
  } else if (value === undefined) delete target[first];
  else target[first] = value;
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new Error("not an object");
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  return z.string().parse(value);
}

function path(value: unknown): readonly string[] {
  return z.array(z.string()).parse(value);
}

function substituteDeep(value: unknown): unknown {
  if (typeof value === "string")
    return /^\{\{now([+-]\d+)?\}\}$/.test(value) ? Number(substitute(value)) : wholeValue(value);
  if (Array.isArray(value)) return value.map(substituteDeep);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, substituteDeep(member)]));
  return value;
}

function wholeValue(value: string): unknown {
  const jwk = /^\{\{jwk\.(\w+)\}\}$/.exec(value)?.[1];
  return jwk === undefined ? substitute(value) : publicJwk(keyOf(jwk), "RS256");
}

function substitute(value: string): string {
  return value.replace(/\{\{([^}]+)\}\}/g, (_whole, expression: string) => {
    const time = /^now([+-]\d+)?(?:\|text)?$/.exec(expression);
    if (time !== null) return String(now + Number(time[1] ?? 0));
    const [kind = "", ...rest] = expression.split(/[.:]/);
    if (kind === "kid") return keyOf(rest[0] ?? "").kid;
    if (kind === "repeat") return (rest[0] ?? "").repeat(Number(rest[1]));
    if (kind === "canary") return canaryUrl;
    if (kind === "token") return build(rowNamed(rest.join(":")));
    return values[kind] ?? "";
  });
}

function rowNamed(name: string): Row {
  const row = [...table.positive, ...table.negative].find(
    (candidate) => candidate.name === name || candidate.name === `role-${name}`,
  );
  if (row === undefined) throw new Error(`no row ${name}`);
  return row;
}
