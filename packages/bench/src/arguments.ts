import { parseArgs } from "node:util";

export type BenchArguments = {
  /** Ids of the bars to run. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** Runs on a busy machine too, and says so in the result. */
  readonly force: boolean;
};

export class ArgumentError extends Error {}

/** `known` are the ids of all bars. Throws ArgumentError. */
export function readArguments(args: readonly string[], known: readonly string[]): BenchArguments {
  const { values } = parse(args);
  const only = (values.only ?? known.join(","))
    .split(",")
    .map((id) => id.trim().toUpperCase())
    .filter((id) => id !== "");
  const unknown = only.filter((id) => !known.includes(id));
  if (only.length === 0) throw new ArgumentError(`--only names no bar; there are: ${known.join(", ")}`);
  if (unknown.length > 0) throw new ArgumentError(`no such bar: ${unknown.join(", ")}; there are: ${known.join(", ")}`);
  const rounds = Number(values.rounds ?? "5");
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 50)
    throw new ArgumentError("--rounds is a whole number from 1 to 50");
  return { only, rounds, force: values.force ?? false };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { only: { type: "string" }, rounds: { type: "string" }, force: { type: "boolean" } },
    });
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}
