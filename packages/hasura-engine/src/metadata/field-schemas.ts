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

export const flagSchema = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
export const commentSchema = optional(z.string());

export const headerSchema = z.union([
  z.strictObject({ name: z.string().min(1), value: z.string() }),
  z.strictObject({ name: z.string().min(1), value_from_env: z.string() }),
]);
export type Header = z.infer<typeof headerSchema>;
export const headersSchema = listOf(headerSchema);

export const nonNegativeSchema = z.number().int().min(0);
export const secondsSchema = z.number().positive();
