import { z } from "zod";

const NOT_STORABLE = [
  ["U+0000", "a\u0000b"],
  ["half a surrogate pair", "a\ud800b"],
  ["a text of more than 1 MiB", "x".repeat(1_048_577)],
] as const;

const shapeSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()).default({}) });
const textSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  anyOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
});

/**
 * The text arguments of an operation, nested ones included, that let a text through which PostgreSQL cannot store or
 * that has no bound; as lines, empty when every argument holds to the one rule. New arguments are covered as they come.
 */
export function findUnstorableTexts(name: string, input: z.ZodType): string[] {
  const { properties } = shapeSchema.parse(z.toJSONSchema(input, { io: "input", unrepresentable: "any" }));
  return Object.entries(properties).flatMap(([argument, shape]) =>
    textPlaces(shape).flatMap((place) =>
      NOT_STORABLE.flatMap(([what, text]) => {
        const path = [argument, ...place];
        return refuses(input, path, text) ? [] : [`${name}: ${path.join(".")} takes ${what}`];
      }),
    ),
  );
}

/** Paths from an argument to the texts in it; an item of a list stands for all of them. */
function textPlaces(shape: unknown): (string | number)[][] {
  const { type, anyOf = [], properties = {}, items } = textSchema.parse(shape ?? {});
  return [
    ...(type === "string" || (Array.isArray(type) && type.includes("string")) ? [[]] : []),
    ...anyOf.flatMap(textPlaces),
    ...Object.entries(properties).flatMap(([key, value]) => textPlaces(value).map((place) => [key, ...place])),
    ...(items === undefined ? [] : textPlaces(items).map((place) => [0, ...place])),
  ];
}

/** Whether the schema complains about this place, whatever else it misses. */
function refuses(input: z.ZodType, path: readonly (string | number)[], text: string): boolean {
  const value = path.reduceRight<unknown>((inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }), text);
  const parsed = input.safeParse(value);
  const wanted = path.join(".");
  return parsed.error?.issues.some((issue) => issue.path.map(String).join(".").startsWith(wanted)) ?? false;
}
