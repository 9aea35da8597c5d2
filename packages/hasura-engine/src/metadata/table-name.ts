import { z } from "zod";
import { optional } from "./field-schemas.ts";

/** `{schema?, name}`, or a plain string for a table of schema `public`. */
export const tableNameSchema = z.union([
  z.string().transform((name) => ({ schema: "public", name })),
  z
    .strictObject({ schema: optional(z.string()), name: z.string() })
    .transform(({ schema, name }) => ({ schema: schema ?? "public", name })),
]);
export type TableName = z.infer<typeof tableNameSchema>;

export function tableKey({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}

/** As Hasura prints it in messages: without the schema when that is `public`. */
export function tableText({ schema, name }: TableName): string {
  return schema === "public" ? name : tableKey({ schema, name });
}
