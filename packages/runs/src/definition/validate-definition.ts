import {
  type Definition,
  definitionSchema,
  isJsonObject,
  type JsonValue,
  jsonPointer,
  jsonValueSchema,
  type Problem,
  parsePointer,
  type StepDefinition,
} from "./definition.ts";
import {
  checkSchema,
  type JsonType,
  propertyOf,
  readSchema,
  type Schema,
  typesOf,
  validateValue,
} from "./json-schema.ts";
import { findCycle, upstreamOf } from "./step-order.ts";
import { collectReferences, type Reference } from "./value.ts";

/** What publishing must know of an action a step names. */
export type ActionFacts = {
  published: boolean;
  appId: string;
  authType: string;
  inputSchema: JsonValue;
  outputSchema: JsonValue;
};
export type ConnectionFacts = { appId: string; authType: string };
/** Only what the tenant may use; an id that is missing here does not exist for it. */
export type DefinitionFacts = {
  actions: ReadonlyMap<string, ActionFacts>;
  connections: ReadonlyMap<string, ConnectionFacts>;
};

const BYTES_MAX = 256 * 1024;
const PROBLEMS_MAX = 100;

export type Validation =
  | { definition: Definition; problems: readonly [] }
  | { definition: undefined; problems: readonly Problem[] };

/** The ids a definition names, as far as it can be read at all; what `DefinitionFacts` must be loaded for. */
export function namedIds(value: unknown): { actionIds: string[]; connectionIds: string[] } {
  const parsed = definitionSchema.safeParse(value);
  const steps = parsed.data?.steps ?? [];
  return {
    actionIds: [...new Set(steps.map(({ actionId }) => actionId))],
    connectionIds: [...new Set(steps.flatMap(({ connectionId }) => connectionId ?? []))],
  };
}

/** Finds every problem in one pass, at most 100, each with a pointer into the definition. */
export function validateDefinition(value: unknown, facts: DefinitionFacts): Validation {
  const problems = findProblems(value, facts);
  if (problems.length > 0) return { definition: undefined, problems: problems.slice(0, PROBLEMS_MAX) };
  return { definition: definitionSchema.parse(value), problems: [] };
}

function findProblems(value: unknown, facts: DefinitionFacts): Problem[] {
  const json = jsonValueSchema.safeParse(value).data;
  if (json !== undefined && Buffer.byteLength(JSON.stringify(json)) > BYTES_MAX)
    return [{ pointer: "", code: "TOO_LARGE", message: "the definition is larger than 256 KiB" }];
  if (isJsonObject(json) && Array.isArray(json.steps) && json.steps.length > 100)
    return [{ pointer: "", code: "TOO_LARGE", message: "a definition has at most 100 steps" }];
  const parsed = definitionSchema.safeParse(value);
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) => ({
      pointer: jsonPointer(...path),
      code: "SHAPE_INVALID",
      message,
    }));
  const definition = parsed.data;
  return [
    ...(definition.inputSchema === undefined ? [] : checkSchema(definition.inputSchema, "/inputSchema")),
    ...checkKeys(definition),
    ...definition.steps.flatMap((step, index) => checkStep(definition, step, index, facts)),
    ...checkReferences(
      definition,
      definition.output,
      "/output",
      new Set(definition.steps.map(({ key }) => key)),
      facts,
    ),
  ];
}

function checkKeys({ steps }: Definition): Problem[] {
  const problems: Problem[] = [];
  const keys = new Set<string>();
  for (const [index, { key }] of steps.entries()) {
    if (keys.has(key))
      problems.push({
        pointer: `/steps/${index}/key`,
        code: "KEY_DUPLICATE",
        message: `another step is called ${key}`,
      });
    keys.add(key);
  }
  for (const [index, { dependsOn }] of steps.entries()) {
    for (const [at, key] of dependsOn.entries()) {
      if (!keys.has(key))
        problems.push({
          pointer: `/steps/${index}/dependsOn/${at}`,
          code: "DEPENDENCY_UNKNOWN",
          message: `no step is called ${key}`,
        });
    }
  }
  const cycle = findCycle(steps);
  if (cycle !== undefined) {
    const index = steps.findIndex(({ key }) => key === cycle[0]);
    const at = steps[index]?.dependsOn.indexOf(cycle[1] ?? "") ?? 0;
    problems.push({
      pointer: `/steps/${index}/dependsOn/${at}`,
      code: "DEPENDENCY_CYCLE",
      message: `these steps wait for each other: ${cycle.join(" → ")}`,
    });
  }
  return problems;
}

function checkStep(definition: Definition, step: StepDefinition, index: number, facts: DefinitionFacts): Problem[] {
  const at = `/steps/${index}`;
  const action = facts.actions.get(step.actionId);
  if (action === undefined)
    return [{ pointer: `${at}/actionId`, code: "ACTION_UNKNOWN", message: "this action does not exist" }];
  const upstream = upstreamOf(definition.steps, step.key);
  return [
    ...(action.published
      ? []
      : [
          {
            pointer: `${at}/actionId`,
            code: "ACTION_NOT_PUBLISHED" as const,
            message: "this action's app version is a draft",
          },
        ]),
    ...checkConnection(step, action, facts, `${at}/connectionId`),
    ...checkReferences(definition, step.input, `${at}/input`, upstream, facts),
    ...(step.when === undefined
      ? []
      : checkReferences(definition, jsonValueSchema.parse(step.when), `${at}/when`, upstream, facts)),
    ...checkInput(definition, step, action, `${at}/input`, facts),
  ];
}

function checkConnection(
  step: StepDefinition,
  action: ActionFacts,
  facts: DefinitionFacts,
  pointer: string,
): Problem[] {
  if (action.authType === "NONE") {
    return step.connectionId === undefined
      ? []
      : [{ pointer, code: "CONNECTION_NOT_ALLOWED", message: "this action needs no connection" }];
  }
  if (step.connectionId === undefined)
    return [{ pointer, code: "CONNECTION_MISSING", message: "this action needs a connection" }];
  const connection = facts.connections.get(step.connectionId);
  if (connection === undefined)
    return [{ pointer, code: "CONNECTION_UNKNOWN", message: "this connection does not exist" }];
  const fits = connection.appId === action.appId && connection.authType === action.authType;
  return fits
    ? []
    : [
        {
          pointer,
          code: "CONNECTION_WRONG_APP",
          message: "this connection is for another app or another kind of sign-in",
        },
      ];
}

function checkReferences(
  definition: Definition,
  value: JsonValue,
  at: string,
  upstream: ReadonlySet<string>,
  facts: DefinitionFacts,
): Problem[] {
  const { references, malformed } = collectReferences(value, at);
  return [
    ...malformed.map((pointer) => ({
      pointer,
      code: "REF_INVALID" as const,
      message: "not an operator: use $ref (with default), $text or $literal alone",
    })),
    ...references.flatMap((reference) => checkReference(definition, reference, upstream, facts)),
  ];
}

const RUN_MEMBERS = new Set(["id", "startedAt"]);
const TRIGGER_MEMBERS = new Set(["type", "headers", "deliveryId", "receivedAt", "scheduledFor"]);

function checkReference(
  definition: Definition,
  { at, ref }: Reference,
  upstream: ReadonlySet<string>,
  facts: DefinitionFacts,
): Problem[] {
  const invalid = (message: string): Problem[] => [{ pointer: at, code: "REF_INVALID", message }];
  const segments = typeof ref === "string" ? parsePointer(ref) : undefined;
  if (segments === undefined) return invalid("not a JSON pointer");
  const [root, ...rest] = segments;
  switch (root) {
    case "input":
      return checkPath(definition.inputSchema, rest, at);
    case "trigger":
      return rest[0] === undefined || TRIGGER_MEMBERS.has(rest[0]) ? [] : invalid(`/trigger has no ${rest[0]}`);
    case "run":
      return rest.length === 1 && RUN_MEMBERS.has(rest[0] ?? "") ? [] : invalid("/run has id and startedAt");
    case "steps":
      return checkStepReference(definition, rest, at, upstream, facts);
    default:
      return invalid("pointers begin with /input, /steps, /trigger or /run");
  }
}

function checkStepReference(
  definition: Definition,
  [key, member, ...rest]: readonly string[],
  at: string,
  upstream: ReadonlySet<string>,
  facts: DefinitionFacts,
): Problem[] {
  const target = definition.steps.find((step) => step.key === key);
  if (member !== "output") return [{ pointer: at, code: "REF_INVALID", message: "of a step only /output can be read" }];
  if (target === undefined || !upstream.has(target.key))
    return [{ pointer: at, code: "REF_NOT_UPSTREAM", message: `${key ?? ""} is not reached through dependsOn` }];
  return checkPath(facts.actions.get(target.actionId)?.outputSchema, rest, at);
}

/** Certain or silent: only a closed object without the property is a problem. */
function checkPath(schemaJson: JsonValue | undefined, path: readonly string[], at: string): Problem[] {
  let schema = schemaOf(schemaJson);
  for (const segment of path) {
    if (schema === undefined) return [];
    const closed = schema.additionalProperties === false && onlyType(schema) === "object";
    const property = propertyOf(schema, segment);
    if (property === undefined && closed)
      return [{ pointer: at, code: "REF_UNKNOWN_PROPERTY", message: `there is no property ${segment}` }];
    schema = property ?? (onlyType(schema) === "array" ? schema.items : undefined);
  }
  return [];
}

function checkInput(
  definition: Definition,
  step: StepDefinition,
  action: ActionFacts,
  at: string,
  facts: DefinitionFacts,
): Problem[] {
  const schema = schemaOf(action.inputSchema);
  if (schema === undefined) return [];
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(step.input, name));
  return [
    ...(missing.length === 0
      ? []
      : [{ pointer: at, code: "INPUT_PROPERTY_MISSING" as const, message: `required: ${missing.join(", ")}` }]),
    ...Object.entries(step.input).flatMap(([name, value]) =>
      checkInputMember(definition, propertyOf(schema, name), schema, value, at + jsonPointer(name), facts),
    ),
  ];
}

function checkInputMember(
  definition: Definition,
  wanted: Schema | undefined,
  parent: Schema,
  value: JsonValue,
  at: string,
  facts: DefinitionFacts,
): Problem[] {
  const mismatch = (message: string): Problem[] => [{ pointer: at, code: "INPUT_TYPE_MISMATCH", message }];
  if (wanted === undefined)
    return parent.additionalProperties === false ? mismatch("the action has no such input") : [];
  if (isLiteral(value)) {
    const [issue] = validateValue(wanted, value);
    return issue === undefined ? [] : mismatch(`${issue.path} ${issue.message}`.trim());
  }
  const known = knownType(definition, value, facts);
  const types = typesOf(wanted);
  if (known === undefined || types === undefined || types.some((type) => mayBe(known, type))) return [];
  return mismatch(`is ${known}, but must be ${types.join(" or ")}`);
}

function isLiteral(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.every(isLiteral);
  return (
    !isJsonObject(value) || Object.entries(value).every(([key, member]) => !key.startsWith("$") && isLiteral(member))
  );
}

function knownType(definition: Definition, value: JsonValue, facts: DefinitionFacts): JsonType | undefined {
  if (!isJsonObject(value)) return undefined;
  if ("$text" in value) return "string";
  if (typeof value.$ref !== "string" || value.default !== undefined) return undefined;
  const [root, ...rest] = parsePointer(value.$ref) ?? [];
  const step = definition.steps.find(({ key }) => key === rest[0]);
  const start =
    root === "input"
      ? definition.inputSchema
      : root === "steps" && step !== undefined
        ? facts.actions.get(step.actionId)?.outputSchema
        : undefined;
  let schema = schemaOf(start);
  for (const segment of root === "input" ? rest : rest.slice(2))
    schema = schema === undefined ? undefined : propertyOf(schema, segment);
  return schema === undefined ? undefined : onlyType(schema);
}

function mayBe(known: JsonType, wanted: JsonType): boolean {
  return (
    known === wanted || (known === "integer" && wanted === "number") || (known === "number" && wanted === "integer")
  );
}

function onlyType(schema: Schema): JsonType | undefined {
  const types = typesOf(schema);
  return types?.length === 1 ? types[0] : undefined;
}

/** Undefined for no schema and for one that is itself faulty: that is another problem. */
function schemaOf(value: JsonValue | undefined): Schema | undefined {
  if (value === undefined || checkSchema(value, "").length > 0) return undefined;
  return readSchema(value);
}
