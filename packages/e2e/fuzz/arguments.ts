import { parseArgs } from "node:util";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";

export type FuzzArguments = {
  readonly seed: number;
  /** Of each role. */
  readonly operations: number;
  readonly roles: readonly HasuraRole[];
};

export class ArgumentError extends Error {}

/** Throws ArgumentError. */
export function readArguments(args: readonly string[]): FuzzArguments {
  const values = parse(args);
  return {
    seed: wholeNumber("--seed", values.seed ?? String(Math.floor(Math.random() * 1e9)), 2 ** 32 - 1),
    operations: wholeNumber("--operations", values.operations ?? "2000", 10_000_000),
    roles: rolesOf(values.role),
  };
}

function rolesOf(text: string | undefined): readonly HasuraRole[] {
  if (text === undefined) return HASURA_ROLES;
  const named = HASURA_ROLES.filter((role) => role === text);
  if (named.length === 0) throw new ArgumentError(`no such role: ${text}; there are: ${HASURA_ROLES.join(", ")}`);
  return named;
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 0 || value > max)
    throw new ArgumentError(`${name} is a whole number from 0 to ${max}`);
  return value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { seed: { type: "string" }, operations: { type: "string" }, role: { type: "string" } },
    }).values;
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}
