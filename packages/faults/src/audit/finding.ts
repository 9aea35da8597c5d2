import type pg from "pg";

export const INVARIANTS = ["I1", "I2", "I3", "I4", "I5", "I6"] as const;
export type Invariant = (typeof INVARIANTS)[number];

export const KINDS = ["lost", "dup", "stuck", "leaked", "audit-gaps"] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that is not as it must be. `subject` is an id where there is one. */
export type Finding = { invariant: Invariant; kind: Kind; subject: string; what: string };

/** A rule as one SELECT whose first column, `subject`, names what breaks it. */
export type Rule = { invariant: Invariant; kind: Kind; what: string; select: string; values?: readonly unknown[] };

/** More than these are not named. */
const SUBJECTS_MAX = 1_000;

export async function findBroken(client: pg.ClientBase, rules: readonly Rule[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { invariant, kind, what, select, values } of rules) {
    const { rows } = await client.query<{ subject: string | null }>(
      `select subject::text from (${select}) broken limit ${SUBJECTS_MAX}`,
      values === undefined ? [] : [...values],
    );
    findings.push(...rows.map(({ subject }) => ({ invariant, kind, what, subject: subject ?? "" })));
  }
  return findings;
}
