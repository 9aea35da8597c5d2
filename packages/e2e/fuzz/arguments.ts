import { parseArgs } from "node:util";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";

export type FuzzArguments = {
  readonly seed: number;
  /** Of each role. */
  readonly operations: number;
  readonly roles: readonly HasuraRole[];
  readonly parts: readonly FuzzPart[];
};

/** Tables: random documents to engines. Services: actions, log lines and streams of a control plane that runs. */
const PARTS = ["tables", "services"] as const;
export type FuzzPart = (typeof PARTS)[number];

export class ArgumentError extends Error {}

/** Throws ArgumentError. */
export function readArguments(args: readonly string[]): FuzzArguments {
  const values = parse(args);
  return {
    seed: wholeNumber("--seed", values.seed ?? String(Math.floor(Math.random() * 1e9)), 2 ** 32 - 1),
    operations: wholeNumber("--operations", values.operations ?? "2000", 10_000_000),
    roles: named("role", HASURA_ROLES, values.role),
    parts: named("part", PARTS, values.part),
  };
}

/** All of them where none is named. */
function named<T extends string>(what: string, all: readonly T[], text: string | undefined): readonly T[] {
  if (text === undefined) return all;
  const chosen = all.filter((one) => one === text);
  if (chosen.length === 0) throw new ArgumentError(`no such ${what}: ${text}; there are: ${all.join(", ")}`);
  return chosen;
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
      options: {
        seed: { type: "string" },
        operations: { type: "string" },
        role: { type: "string" },
        part: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}
