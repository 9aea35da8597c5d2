import { type DocumentNode, Kind, OperationTypeNode, parse, parseType, type TypeNode } from "graphql";
import type { Catalog } from "../catalog/catalog.ts";
import type { EngineSettings } from "../settings.ts";
import type { CustomTypesMetadata } from "./action-metadata.ts";
import type { Metadata } from "./metadata.ts";
import { type Problem, pointerText, unsupported } from "./problem.ts";
import { tableKey } from "./table-name.ts";

type PlaceOf = (path: readonly PropertyKey[]) => string;
type Checked = Pick<Metadata, "actions" | "custom_types" | "remote_schemas">;

/** Features the engine lacks that no single key shows. */
export function findUnsupported(metadata: Checked, placeOf: PlaceOf): Problem[] {
  return [...nestedListRelationships(metadata, placeOf), ...subscriptionsOfRoles(metadata, placeOf)];
}

/** What depends on the engine's settings. */
export function findUnsupportedSettings(metadata: Metadata, settings: EngineSettings): Problem[] {
  if (metadata.remote_schemas.length === 0 || settings.enableRemoteSchemaPermissions) return [];
  const place = "HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS";
  return [{ place, message: unsupported("a remote schema without remote schema permissions") }];
}

/** What depends on the database. */
export function findUnsupportedColumns(metadata: Metadata, catalog: Catalog): Problem[] {
  return metadata.source.tables.flatMap(({ table }, index) =>
    (catalog.tables.get(tableKey(table))?.columns ?? [])
      .filter(({ typeExtension }) => typeExtension === "postgis" || typeExtension?.startsWith("postgis_"))
      .map(({ name, type }) => ({
        place: pointerText(["sources", 0, "tables", index]),
        message: unsupported(`the column "${name}" of PostGIS type "${type.name}"`),
      })),
  );
}

/** An output type may not lead through a list of lists to an object with relationships. */
function nestedListRelationships({ actions, custom_types }: Checked, placeOf: PlaceOf): Problem[] {
  const objects = new Map(custom_types.objects.map((object) => [object.name, object]));
  const message = unsupported("a relationship of an object reached through a list of lists");
  const ofActions = actions.flatMap(({ definition }, index) =>
    isNestedList(definition.output_type) && reachesRelationship(definition.output_type, objects)
      ? [{ place: placeOf(["actions", index, "definition", "output_type"]), message }]
      : [],
  );
  const ofFields = custom_types.objects.flatMap((object, index) =>
    object.fields.flatMap(({ type }, field) =>
      isNestedList(type) && reachesRelationship(type, objects)
        ? [{ place: placeOf(["custom_types", "objects", index, "fields", field, "type"]), message }]
        : [],
    ),
  );
  return [...ofActions, ...ofFields];
}

type ObjectType = CustomTypesMetadata["objects"][number];

function reachesRelationship(
  text: string,
  objects: ReadonlyMap<string, ObjectType>,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  const name = text.replaceAll(/[[\]!\s]/g, "");
  const object = objects.get(name);
  if (object === undefined || seen.has(name)) return false;
  if (object.relationships.length > 0) return true;
  return object.fields.some(({ type }) => reachesRelationship(type, objects, new Set([...seen, name])));
}

function isNestedList(text: string): boolean {
  try {
    return listDepth(parseType(text)) >= 2;
  } catch {
    // Not a type at all: the model reports it.
    return false;
  }
}

function listDepth(type: TypeNode): number {
  if (type.kind === Kind.NAMED_TYPE) return 0;
  return listDepth(type.type) + (type.kind === Kind.LIST_TYPE ? 1 : 0);
}

function subscriptionsOfRoles({ remote_schemas }: Checked, placeOf: PlaceOf): Problem[] {
  return remote_schemas.flatMap(({ permissions }, index) =>
    permissions.flatMap(({ definition }, role) =>
      hasSubscriptions(definition.schema)
        ? [
            {
              place: placeOf(["remote_schemas", index, "permissions", role, "definition", "schema"]),
              message: unsupported("a subscription in a role's remote schema"),
            },
          ]
        : [],
    ),
  );
}

function hasSubscriptions(sdl: string): boolean {
  let document: DocumentNode;
  try {
    document = parse(sdl, { noLocation: true });
  } catch {
    return false;
  }
  const roots = document.definitions.flatMap((definition) =>
    definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION ? [definition] : [],
  );
  if (roots.length > 0) {
    return roots.some(({ operationTypes = [] }) =>
      operationTypes.some(({ operation }) => operation === OperationTypeNode.SUBSCRIPTION),
    );
  }
  return document.definitions.some(
    (definition) => definition.kind === Kind.OBJECT_TYPE_DEFINITION && definition.name.value === "Subscription",
  );
}
