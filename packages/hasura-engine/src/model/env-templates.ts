import type { Header } from "../metadata/scalars.ts";
import { Inconsistent } from "./inconsistency.ts";
import type { HeaderSetting } from "./model.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Value of a variable that metadata names. Hasura refuses its own settings there, so that none of them can leak out. */
export function fromEnv(name: string, env: Env): string {
  if (name.startsWith("HASURA_GRAPHQL_")) {
    throw new Inconsistent(
      "not-supported",
      `environment variables starting with "HASURA_GRAPHQL_" are not allowed: ${name}`,
    );
  }
  const value = env[name];
  if (value === undefined || value === "")
    throw new Inconsistent("not-found", `environment variable '${name}' not set`);
  return value;
}

/** Fills in every `{{NAME}}`. */
export function fillTemplate(text: string, env: Env): string {
  const missing: string[] = [];
  const filled = text.replace(/\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g, (_, name: string) => {
    if (name.startsWith("HASURA_GRAPHQL_")) return fromEnv(name, env);
    const value = env[name];
    if (value === undefined || value === "") missing.push(name);
    return value ?? "";
  });
  if (missing.length > 0) {
    throw new Inconsistent("unexpected", `Value for environment variables not found: ${missing.join(", ")}`);
  }
  if (filled.includes("{{")) throw new Inconsistent("unexpected", `the template "${text}" is not a valid one`);
  return filled;
}

/** As `fillTemplate`; the outcome must be an address of HTTP. */
export function fillUrl(text: string, env: Env): string {
  return httpUrl(fillTemplate(text, env));
}

export function httpUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol !== "http:" && protocol !== "https:")
    throw new Inconsistent("unexpected", `"${text}" is not an http url`);
  return text;
}

export function resolveHeaders(headers: readonly Header[], env: Env): HeaderSetting[] {
  return headers.map((header) => ({
    name: header.name,
    value: "value" in header ? fillTemplate(header.value, env) : fromEnv(header.value_from_env, env),
  }));
}
