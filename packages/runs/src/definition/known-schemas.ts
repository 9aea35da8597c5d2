import type { JsonValue } from "@control-plane/queue/json-value";
import { parsePointer } from "@control-plane/service-kit/json-pointer";
import { type JsonType, propertyOf, readSchema, type Schema, typesOf } from "./json-schema.ts";
import type { LooseDefinition } from "./loose-definition.ts";

/** What publishing must know of an action a step names. */
export type ActionFacts = {
  published: boolean;
  appId: string;
  authType: string;
  inputSchema: JsonValue;
  outputSchema: JsonValue;
};

/** Where a pointer into a value of a schema leads, as far as the schema tells. */
type Found = { kind: "schema"; schema: Schema } | { kind: "absent"; segment: string } | { kind: "unknown" };

/** The schemas behind the pointers of one definition; each is read once, however often it is pointed at. */
export type KnownSchemas = {
  inputOf(actionId: string): Schema | undefined;
  find(pointer: readonly string[]): Found;
  /** Undefined = anything. */
  typesOf(pointer: string): readonly JsonType[] | undefined;
};

export function createKnownSchemas(
  definition: LooseDefinition,
  actions: ReadonlyMap<string, ActionFacts>,
): KnownSchemas {
  const read = remember((actionId: string) => ({
    input: readSchema(actions.get(actionId)?.inputSchema),
    output: readSchema(actions.get(actionId)?.outputSchema),
  }));
  const runInput = readSchema(definition.inputSchema);
  const actionOf = new Map(definition.steps.map(({ key, actionId }) => [key, actionId]));
  const find = ([root, ...path]: readonly string[]): Found => {
    if (root === "input") return follow(runInput, path);
    const actionId = root === "steps" ? actionOf.get(path[0]) : undefined;
    return actionId === undefined ? { kind: "unknown" } : follow(read(actionId).output, path.slice(2));
  };
  return {
    inputOf: (actionId) => read(actionId).input,
    find,
    typesOf(pointer) {
      const found = find(parsePointer(pointer) ?? []);
      return found.kind === "schema" ? typesOf(found.schema) : undefined;
    },
  };
}

function follow(start: Schema | undefined, path: readonly string[]): Found {
  let schema = start;
  for (const segment of path) {
    if (schema === undefined) return { kind: "unknown" };
    const mayBeItem = /^\d+$/.test(segment) && (typesOf(schema)?.includes("array") ?? true);
    const property = propertyOf(schema, segment);
    if (property === undefined && schema.additionalProperties === false && !mayBeItem)
      return { kind: "absent", segment };
    // A segment that may be a property of an object or a place in an array leads to either.
    if (mayBeItem) schema = property === undefined && isOnlyArray(schema) ? schema.items : undefined;
    else schema = property;
  }
  return schema === undefined ? { kind: "unknown" } : { kind: "schema", schema };
}

function isOnlyArray(schema: Schema): boolean {
  return typesOf(schema)?.every((type) => type === "array") ?? false;
}

function remember<T>(work: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? work(key);
    known.set(key, value);
    return value;
  };
}
