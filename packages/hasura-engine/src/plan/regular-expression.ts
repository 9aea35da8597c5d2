import type { ComparisonOperator } from "../model/operators.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import { beyond } from "./document-budget.ts";

const PATTERNS: readonly ComparisonOperator[] = ["regex", "nregex", "iregex", "niregex", "similar", "nsimilar"];

/**
 * PostgreSQL matches any pattern in time that grows with the text, but for back references, which it can only try out: a
 * short one takes hours. Everything else keeps its meaning.
 */
export function withoutBackReferences(parameter: Parameter, operator: ComparisonOperator, path: string): Parameter {
  if (!PATTERNS.includes(operator)) return parameter;
  if (parameter.from === "session") return parameter;
  if (parameter.from === "constant") {
    refuse(parameter.text, path);
    return parameter;
  }
  const { encode } = parameter;
  return {
    ...parameter,
    encode(json) {
      const text = encode(json);
      refuse(text, path);
      return text;
    },
  };
}

function refuse(pattern: string | null, path: string): void {
  if (pattern !== null && hasBackReference(pattern)) throw beyond("back references in patterns are not accepted", path);
}

/** A backslash takes what follows it along: behind an escaped backslash, a digit is a digit. */
function hasBackReference(pattern: string): boolean {
  for (let at = pattern.indexOf("\\"); at >= 0; at = pattern.indexOf("\\", at + 2)) {
    const next = pattern[at + 1] ?? "";
    if (next >= "1" && next <= "9") return true;
  }
  return false;
}
