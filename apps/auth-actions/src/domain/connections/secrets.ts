import { type Envelope, EnvelopeError, type Place } from "@control-plane/crypto";
import { type Auth, type AuthType, SECRET_FIELDS } from "@control-plane/runs";
import { isStorableText } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";

/** The secret fields of a connection, by name. */
export type Secrets = Readonly<Record<string, string>>;

const CHARACTERS_MAX = 4_096;

/** The values go into a header as they are. */
const GOES_INTO_HEADER = (auth: Auth): boolean =>
  auth.authType === "BEARER" || (auth.authType === "API_KEY" && auth.authConfig.in === "HEADER");

/** Throws `BAD_INPUT`; no message repeats a name or a value that was given. */
export function assertSecretsFit(auth: Auth, secrets: Secrets): void {
  const wanted = fieldsOf(auth.authType);
  const isComplete =
    Object.keys(secrets).length === wanted.length && wanted.every((name) => Object.hasOwn(secrets, name));
  if (!isComplete) throw badSecrets("secrets", `has exactly the fields: ${wanted.join(", ") || "none"}`);
  for (const name of wanted) {
    const problem = describeProblem(auth, name, secrets[name] ?? "");
    if (problem !== undefined) throw badSecrets(`secrets.${name}`, problem);
  }
}

function describeProblem(auth: Auth, name: string, value: string): string | undefined {
  if (value.length < 1 || value.length > CHARACTERS_MAX) return `has 1 to ${CHARACTERS_MAX} characters`;
  if (!isStorableText(value)) return "has U+0000 or half a surrogate pair";
  if (GOES_INTO_HEADER(auth) && !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    return "goes into a header: visible ASCII, no line break, no blank at its ends";
  if (auth.authType === "BASIC" && name === "username" && value.includes(":")) return "has no colon";
  return undefined;
}

function badSecrets(path: string, message: string): AppError {
  return new AppError("BAD_INPUT", "the secrets do not fit the app version", {
    details: { issues: [{ path, message }] },
  });
}

export function fieldsOf(authType: AuthType): readonly string[] {
  return SECRET_FIELDS[authType];
}

type Owner = { id: string; tenantId: string };

/** Null for an app that needs no secret. */
export async function sealSecrets(envelope: Envelope, owner: Owner, secrets: Secrets): Promise<Buffer | null> {
  const names = Object.keys(secrets).sort();
  if (names.length === 0) return null;
  const canonical = JSON.stringify(Object.fromEntries(names.map((name) => [name, secrets[name]])));
  return envelope.seal(secretPlace(owner), Buffer.from(canonical, "utf8"));
}

const storedSchema = z.record(z.string(), z.string());

/** Throws `EnvelopeError` for what does not open or is not what the auth type needs. */
export async function openSecrets(
  envelope: Envelope,
  owner: Owner & { auth: Auth; secretCipher: Buffer | null },
): Promise<Secrets> {
  const wanted = fieldsOf(owner.auth.authType);
  if (wanted.length === 0) return {};
  if (owner.secretCipher === null) throw new EnvelopeError("value", "a connection has no secret");
  const text = (await envelope.open(secretPlace(owner), owner.secretCipher)).toString("utf8");
  const secrets = storedSchema.parse(JSON.parse(text));
  if (!wanted.every((name) => Object.hasOwn(secrets, name))) throw new EnvelopeError("value", "a secret lacks a field");
  return secrets;
}

function secretPlace({ id, tenantId }: Owner): Place {
  return { tenantId, table: "connections", rowId: id, column: "secret_cipher" };
}
