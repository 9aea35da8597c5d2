import { z } from "zod";

const shapeSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  anyOf: z.array(z.unknown()).default([]),
  oneOf: z.array(z.unknown()).default([]),
  items: z.unknown().optional(),
});

/**
 * The objects of an input, itself and nested ones, that take keys they do not know; as lines, empty when all refuse them.
 * What may be any JSON has no keys of its own and is not meant.
 */
export function findLooseObjects(name: string, input: z.ZodType): string[] {
  return loosePlaces(name, z.toJSONSchema(input, { io: "input", unrepresentable: "any" }));
}

function loosePlaces(place: string, shape: unknown): string[] {
  const { properties, additionalProperties, anyOf, oneOf, items } = shapeSchema.parse(shape);
  return [
    ...(properties !== undefined && additionalProperties !== false ? [`${place} takes keys it does not know`] : []),
    ...Object.entries(properties ?? {}).flatMap(([key, value]) => loosePlaces(`${place}.${key}`, value)),
    ...[...anyOf, ...oneOf].flatMap((alternative) => loosePlaces(place, alternative)),
    ...(items === undefined ? [] : loosePlaces(`${place}[]`, items)),
  ];
}
