import { type Finding, INVARIANTS, KINDS } from "./finding.ts";

const NAMED_MAX = 10;

const MEANS = {
  I1: "every webhook that was taken is one delivery and one run",
  I2: "nothing is stuck",
  I3: "each attempt is claimed once and does each step once",
  I4: "states move along the table; what is over stays as it is",
  I5: "everything of a run is one tenant's",
  I6: "every audited change has its one record",
} as const;

/** One line for each invariant, those that are broken with up to ten of the ids. */
export function reportLines(findings: readonly Finding[]): string[] {
  return INVARIANTS.flatMap((invariant) => {
    const broken = findings.filter((finding) => finding.invariant === invariant);
    const named = broken.slice(0, NAMED_MAX).map(({ subject, what }) => `      ${subject}: ${what}`);
    return [`  ${invariant}  ${String(broken.length).padStart(4)}  ${MEANS[invariant]}`, ...named];
  });
}

/** `lost 0 dup 0 stuck 0 leaked 0 audit-gaps 0` */
export function sumLine(findings: readonly Finding[]): string {
  return KINDS.map((kind) => `${kind} ${findings.filter((finding) => finding.kind === kind).length}`).join(" ");
}
