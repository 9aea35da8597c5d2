import { z } from "zod";
import type { MetadataRule } from "../../src/metadata-rules/finding.ts";
import type { MetadataShape } from "../../src/metadata-rules/metadata-shape.ts";

type Table = MetadataShape["sources"][number]["tables"][number];
type Permission = Table["select_permissions"][number]["permission"];

/** A change of the shipped metadata, the rule that must notice it, and the place it must name. */
export type Mutant = { name: string; change: (metadata: MetadataShape) => void; rule: MetadataRule; pointer: RegExp };

export function tableOf(metadata: MetadataShape, name: string): Table {
  const table = metadata.sources[0]?.tables.find((candidate) => candidate.table.name === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

export function permissionOf(
  metadata: MetadataShape,
  table: string,
  operation: "insert" | "select" | "update" | "delete",
  role = "builder",
): Permission {
  const entry = tableOf(metadata, table)[`${operation}_permissions`].find((candidate) => candidate.role === role);
  if (entry === undefined) throw new Error(`no ${operation} on ${table} by ${role}`);
  return entry.permission;
}

export const conjunctionSchema = z.object({ _and: z.array(z.record(z.string(), z.unknown())) });

/** The condition without the terms whose only key is the given one. */
export function without(condition: unknown, key: string): unknown {
  return { _and: conjunctionSchema.parse(condition)._and.filter((term) => !Object.hasOwn(term, key)) };
}

export function first<T>(items: readonly T[]): T {
  const item = items[0];
  if (item === undefined) throw new Error("the list is empty");
  return item;
}
