import { expect, test } from "vitest";
import { type CatalogueAction, catalogue } from "./catalogue.ts";

const KEYWORDS = new Set([
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "format",
  "title",
  "description",
  "default",
  "examples",
]);
const FORMATS = new Set(["date-time", "date", "email", "uri", "uuid"]);

/** Pointers to what the JSON Schema subset does not know. */
function unsupported(schema: unknown, pointer = ""): string[] {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return [pointer];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (!KEYWORDS.has(keyword)) return [`${pointer}/${keyword}`];
    if (keyword === "format") return FORMATS.has(value) ? [] : [`${pointer}/format`];
    if (keyword === "items") return unsupported(value, `${pointer}/items`);
    if (keyword === "additionalProperties")
      return typeof value === "boolean" ? [] : [`${pointer}/additionalProperties`];
    if (keyword !== "properties") return [];
    return Object.entries(value).flatMap(([name, property]) => unsupported(property, `${pointer}/properties/${name}`));
  });
}

function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : references(inner)));
}

const actions = catalogue.flatMap((app) =>
  app.actions.map((action) => ({ name: `${app.slug}.${action.key}`, app, action })),
);

test.each(actions)("the schemas of $name are inside the subset", ({ action }) => {
  expect([...unsupported(action.inputSchema), ...unsupported(action.outputSchema)]).toEqual([]);
});

function propertiesOf(action: CatalogueAction): string[] {
  const { properties } = action.inputSchema;
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

test.each(actions.filter(({ action }) => action.request !== undefined))(
  "the request of $name uses its input only",
  ({ action }) => {
    const placeholders = [...(action.request?.path ?? "").matchAll(/\{(\w+)\}/g)].map((match) => match[1]);

    expect(action.inputSchema.required).toEqual(expect.arrayContaining(placeholders));
    expect(propertiesOf(action).map((name) => `/input/${name}`)).toEqual(
      expect.arrayContaining(references({ ...action.request?.query, body: action.request?.body })),
    );
  },
);

test.each(catalogue)("the addresses of $slug lie inside its allowed hosts", ({ version }) => {
  const hosts = version.baseUrl === undefined ? [] : [new URL(version.baseUrl).hostname];

  expect(version.allowedHosts).toEqual(expect.arrayContaining(hosts));
  expect(version.allowedHosts.includes("*")).toBe(version.authType === "NONE");
  expect(version.testRequest === undefined).toBe(version.authType === "NONE");
});
