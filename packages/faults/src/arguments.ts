import { parseArgs } from "node:util";

export type FaultArguments = {
  /** Ids of the cells to play. */
  readonly cells: readonly string[];
  /** Webhooks per cell. */
  readonly size: number;
  /** Seconds of cells drawn at random; 0 plays each cell once. */
  readonly soakSeconds: number;
  readonly seed: number;
  /** Ids of the broken copies to play against; empty plays the cells themselves. */
  readonly mutants: readonly string[];
  /** Runs the services from their source instead of what was built. */
  readonly source: boolean;
};

export class ArgumentError extends Error {}

/** Throws ArgumentError. */
export function readArguments(
  args: readonly string[],
  known: { cells: readonly string[]; mutants: readonly string[] },
): FaultArguments {
  const values = parse(args);
  const withMutants = values.mutants === true || values.mutant !== undefined;
  return {
    cells: idsOf("cell", values.cell, known.cells),
    size: wholeNumber("--size", values.size ?? (withMutants ? "200" : "2000"), 20, 200_000),
    soakSeconds: wholeNumber("--soak", values.soak ?? "0", 0, 86_400),
    seed: wholeNumber("--seed", values.seed ?? String(Math.floor(Math.random() * 1e9)), 0, 2 ** 32 - 1),
    mutants: withMutants ? idsOf("mutant", values.mutant, known.mutants) : [],
    source: values.source ?? false,
  };
}

/** Those that are named, or all there are. */
function idsOf(what: string, text: string | undefined, known: readonly string[]): readonly string[] {
  if (text === undefined) return known;
  const named = text
    .split(",")
    .map((id) => id.trim().toUpperCase())
    .filter((id) => id !== "");
  const unknown = named.filter((id) => !known.includes(id));
  if (unknown.length > 0 || named.length === 0)
    throw new ArgumentError(`no such ${what}: ${unknown.join(", ")}; there are: ${known.join(", ")}`);
  return named;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max)
    throw new ArgumentError(`${name} is a whole number from ${min} to ${max}`);
  return value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        cell: { type: "string" },
        size: { type: "string" },
        soak: { type: "string" },
        seed: { type: "string" },
        mutants: { type: "boolean" },
        mutant: { type: "string" },
        source: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}
