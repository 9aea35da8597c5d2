import type { Header } from "../metadata/field-schemas.ts";
import { InconsistencyError } from "./inconsistency.ts";
import type { HeaderSetting } from "./model.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Value of a variable that metadata names. */
function fromEnv(name: string, env: Env): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new InconsistencyError("not-found", `environment variable '${name}' not set`);
  return value;
}

/** Fills in every `{{NAME}}`. */
function fillTemplate(text: string, env: Env): string {
  const missing: string[] = [];
  const filled = text.replace(/\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined || value === "") missing.push(name);
    return value ?? "";
  });
  if (missing.length > 0) {
    throw new InconsistencyError("unexpected", `Value for environment variables not found: ${missing.join(", ")}`);
  }
  if (filled.includes("{{")) throw new InconsistencyError("unexpected", `the template "${text}" is not a valid one`);
  return filled;
}

/** As `fillTemplate`; the outcome must be an address of HTTP. */
export function fillUrl(text: string, env: Env): string {
  return httpUrl(fillTemplate(text, env), text);
}

export function urlFromEnv(name: string, env: Env): string {
  return httpUrl(fromEnv(name, env), `{{${name}}}`);
}

/** @param written what metadata says, for the refusal: what the environment fills in may be a secret */
function httpUrl(text: string, written: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol !== "http:" && protocol !== "https:")
    throw new InconsistencyError("unexpected", `"${written}" is not an http url`);
  return text;
}

export function resolveHeaders(headers: readonly Header[], env: Env): HeaderSetting[] {
  return headers.map((header) => ({
    name: header.name,
    value: "value" in header ? fillTemplate(header.value, env) : headerFromEnv(header.value_from_env, env),
  }));
}

/** Hasura refuses its own settings here, and only here: templates of addresses and headers may name them. */
function headerFromEnv(name: string, env: Env): string {
  if (name.startsWith("HASURA_GRAPHQL_")) {
    throw new InconsistencyError(
      "parse-failed",
      `env variables starting with "HASURA_GRAPHQL_" are not allowed in value_from_env: ${name}`,
    );
  }
  return fromEnv(name, env);
}
