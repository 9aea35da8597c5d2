import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { z } from "zod";
import { readShippedMetadata, repository } from "./read-metadata.ts";

const SCHEMA_FILE = join(repository, "../shared/hasura-conformance/metadata.openapi.json");

type Json = Readonly<Record<string, unknown>>;

const documentSchema = z.object({
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});

const absent = !existsSync(SCHEMA_FILE);
const note = absent ? " (absent: metadata.openapi.json)" : "";

test.skipIf(absent)(`Hasura's own schema of metadata, made strict, accepts the shipped directory${note}`, async () => {
  const validate = compileOfficialSchema();

  const accepted = validate(withoutEmptyFiles(await readShippedMetadata()));

  expect(validate.errors ?? []).toEqual([]);
  expect(accepted).toBe(true);
});

test.skipIf(absent)(`Hasura's own schema, made strict, refuses a misspelt key${note}`, async () => {
  const validate = compileOfficialSchema();
  const text = JSON.stringify(withoutEmptyFiles(await readShippedMetadata())).replaceAll(
    "allow_aggregations",
    "allow_aggregation",
  );

  const accepted = validate(JSON.parse(text));

  expect(accepted).toBe(false);
});

/** `network: {}` and the like stand in the directory, but not in the object the schema describes. */
function withoutEmptyFiles(metadata: Json): Json {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => JSON.stringify(value) !== "{}"));
}

/** The official schema with its faults mended, and `additionalProperties: false` on objects that list theirs. */
function compileOfficialSchema() {
  const { schemas } = documentSchema.parse(JSON.parse(readFileSync(SCHEMA_FILE, "utf8"))).components;
  const remote = "RemoteSchemaMetadata_RemoteRelationshipDefinition";
  const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  const mended: Record<string, unknown> = {
    ...schemas,
    // The element type of `remote_schemas` describes one type's relationships instead.
    [remote]: {
      type: "object",
      required: ["name", "definition"],
      properties: {
        name: { type: "string" },
        definition: reference("RemoteSchemaDef"),
        comment: { type: "string" },
        permissions: { type: "array", items: reference("RemoteSchemaPermissionMetadata") },
        remote_relationships: { type: "array", items: schemas[remote] },
      },
    },
    MetadataV3: withProperty(schemas.MetadataV3, "graphql_schema_introspection", {
      type: "object",
      properties: { disabled_for_roles: { type: "array", items: { type: "string" } } },
    }),
    TlsAllow: withProperty(schemas.TlsAllow, "suffix", { type: "string", nullable: true }),
    // All sources of ours are PostgreSQL; without the choice between backends errors name the true place.
    SourceMetadata: reference("PostgresSourceMetadata"),
  };
  const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
  return ajv.compile({
    components: { schemas: Object.fromEntries(Object.entries(mended).map(([name, schema]) => [name, strict(schema)])) },
    ...reference("MetadataV3"),
  });
}

function withProperty(schema: Json | undefined, name: string, property: Json): Json {
  return { ...schema, properties: { ...z.looseObject({}).parse(schema?.properties), [name]: property } };
}

/** OpenAPI 3.0 to JSON Schema: `nullable` becomes a type union, `format` goes, objects refuse what they do not list. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== "object" || value === null) return value;
  const {
    nullable,
    format: _format,
    ...rest
  } = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === "properties" ? strictProperties(item) : strict(item)]),
  );
  const closed = rest.type === "object" && rest.properties !== undefined && rest.additionalProperties === undefined;
  return {
    ...rest,
    ...(nullable === true && rest.type !== undefined ? { type: [rest.type, "null"] } : {}),
    ...(nullable === true && Array.isArray(rest.enum) ? { enum: [...rest.enum, null] } : {}),
    ...(closed ? { additionalProperties: false } : {}),
  };
}

/** Property names are names, even one called `format`. */
function strictProperties(properties: unknown): Json {
  const named = z.looseObject({}).parse(properties);
  return Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, strict(schema)]));
}
