import { z } from "zod";
import { HasuraError } from "../hasura-error.ts";
import type { JwtSettings } from "../settings.ts";
import type { TokenPayload } from "./verify-token.ts";

/** The roles a token allows and the session variables it brings, names in lower case. */
export type TokenClaims = {
  readonly allowedRoles: readonly string[];
  readonly defaultRole: string;
  /** All other `x-hasura-*` claims, unchecked. */
  readonly others: ReadonlyMap<string, unknown>;
};

const objectSchema = z.record(z.string(), z.unknown());

/** Reads the claims where the settings say. Codes `jwt-invalid-claims` and `jwt-missing-role-claims`. */
export function readClaims(payload: TokenPayload, settings: JwtSettings): TokenClaims {
  const object = parseClaimsObject(findClaims(payload, settings), settings.claimsFormat);
  const claims = new Map<string, unknown>();
  for (const [name, value] of Object.entries(object)) {
    const lower = name.toLowerCase();
    if (lower.startsWith("x-hasura-")) claims.set(lower, value);
  }
  const allowedRoles = z.array(z.string()).safeParse(requiredClaim(claims, "x-hasura-allowed-roles"));
  if (!allowedRoles.success) throw invalidClaims("invalid x-hasura-allowed-roles; should be a list of roles");
  const defaultRole = z.string().safeParse(requiredClaim(claims, "x-hasura-default-role"));
  if (!defaultRole.success) throw invalidClaims("invalid x-hasura-default-role; should be a role name");
  claims.delete("x-hasura-allowed-roles");
  claims.delete("x-hasura-default-role");
  return { allowedRoles: allowedRoles.data, defaultRole: defaultRole.data, others: claims };
}

/** Values of session variables must be strings. */
export function stringClaims(claims: ReadonlyMap<string, unknown>): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of claims) {
    if (typeof value !== "string") throw invalidClaims(`invalid ${name}; should be a string`);
    variables.set(name, value);
  }
  return variables;
}

function requiredClaim(claims: ReadonlyMap<string, unknown>, name: string): unknown {
  const value = claims.get(name);
  if (value === undefined) throw new HasuraError("jwt-missing-role-claims", `JWT claim does not contain ${name}`);
  return value;
}

function findClaims(payload: TokenPayload, { claims }: JwtSettings): unknown {
  if (claims.at === "path") {
    const found = atPath(payload, claims.path);
    if (found === undefined) throw invalidClaims(`claims not found at claims_namespace_path: '${claims.path}'`);
    return found;
  }
  if (!Object.hasOwn(payload, claims.name)) throw invalidClaims(`claims key: '${claims.name}' not found`);
  return payload[claims.name];
}

function parseClaimsObject(value: unknown, format: JwtSettings["claimsFormat"]): Record<string, unknown> {
  const object = objectSchema.safeParse(format === "stringified_json" ? parseText(value) : value);
  if (!object.success) throw invalidClaims(`expecting ${format === "json" ? "object" : "string"} when parsing claims`);
  return object.data;
}

function parseText(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** Paths such as `$`, `$.hasura.claims`, `$['https://example.test']['claims']`, `$.list[0]`. */
function atPath(root: unknown, path: string): unknown {
  let value = root;
  const steps = /\.?([^.[\]'"$]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/g;
  for (const step of path.replace(/^\$/, "").matchAll(steps)) {
    const key = step[1] ?? step[2] ?? step[3] ?? step[4] ?? "";
    if (Array.isArray(value)) value = value[Number(key)];
    else {
      const object = objectSchema.safeParse(value);
      value = object.success && Object.hasOwn(object.data, key) ? object.data[key] : undefined;
    }
  }
  return value;
}

function invalidClaims(message: string): HasuraError {
  return new HasuraError("jwt-invalid-claims", message);
}
