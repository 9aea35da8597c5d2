import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { z } from "zod";

/** A reason not to load the metadata at all. */
export type Problem = {
  /** File with a JSON pointer behind `#`, or only the JSON pointer into the merged object. */
  readonly place: string;
  readonly message: string;
};

/** Metadata is refused as a whole; carries every problem. */
export class MetadataRefusedError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join("\n"));
    this.name = "MetadataRefusedError";
    this.problems = problems;
  }
}

export function problemText({ place, message }: Problem): string {
  return `${place}: ${message}`;
}

export function unsupported(feature: string): string {
  return `${feature} is not supported by the embedded engine`;
}

/** A JSON pointer as a reader of a message expects it: the whole document is `/`. */
export function pointerText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "/" : jsonPointer(...path);
}

/** One problem per issue: unknown keys one by one, of a union only the branch that was most likely meant. */
export function issuesToProblems(
  issues: readonly z.core.$ZodIssue[],
  placeOf: (path: readonly PropertyKey[]) => string,
  prefix: readonly PropertyKey[] = [],
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        place: placeOf([...path, key]),
        message: unsupported(`the unknown key "${key}"`),
      }));
    }
    if (issue.code === "invalid_union") {
      const branch = likeliestBranch(issue.errors);
      if (branch !== undefined) return issuesToProblems(branch, placeOf, path);
    }
    return [{ place: placeOf(path), message: issue.message }];
  });
}

function likeliestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const rank = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.reduce((sum, issue) => sum + (issue.code === "invalid_type" && issue.path.length <= 1 ? 10 : 1), 0);
  return branches.toSorted((left, right) => rank(left) - rank(right))[0];
}
