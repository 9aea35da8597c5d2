import { z } from "zod";
import { unsupported } from "./problem.ts";

/** Absent and null mean the same everywhere in metadata. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

export function listOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
}

/** A key whose feature the engine lacks: only its empty forms are accepted. */
export function refused(feature: string, accepts: (value: unknown) => boolean = isEmpty) {
  return z
    .unknown()
    .optional()
    .refine(accepts, { error: unsupported(feature), abort: false });
}

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

export const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
export const comment = optional(z.string());

/** `{schema?, name}`, or a plain string for a table of schema `public`. */
export const tableName = z.union([
  z.string().transform((name) => ({ schema: "public", name })),
  z
    .strictObject({ schema: optional(z.string()), name: z.string() })
    .transform(({ schema, name }) => ({ schema: schema ?? "public", name })),
]);
export type TableName = z.infer<typeof tableName>;

export function tableKey({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}

/** As Hasura prints it in messages: without the schema when that is `public`. */
export function tableText({ schema, name }: TableName): string {
  return schema === "public" ? name : tableKey({ schema, name });
}

export const header = z.union([
  z.strictObject({ name: z.string().min(1), value: z.string() }),
  z.strictObject({ name: z.string().min(1), value_from_env: z.string() }),
]);
export type Header = z.infer<typeof header>;
export const headers = listOf(header);

export const nonNegative = z.number().int().min(0);
export const seconds = z.number().positive();
