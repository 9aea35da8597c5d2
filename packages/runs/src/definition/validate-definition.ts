import { isJsonObject, isJsonValue, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { z } from "zod";
import { checkInput } from "./check-input.ts";
import { checkReferences } from "./check-references.ts";
import { type Definition, definitionSchema } from "./definition.ts";
import { checkSchema } from "./json-schema.ts";
import { type ActionFacts, createKnownSchemas, type KnownSchemas } from "./known-schemas.ts";
import { type LooseDefinition, type LooseStep, readLoosely } from "./loose-definition.ts";
import type { Problem } from "./problem.ts";
import { findCycles, upstreamOf } from "./step-order.ts";

export type ConnectionFacts = { appId: string; authType: string };
/** Only what the tenant may use; an id that is missing here does not exist for it. */
export type DefinitionFacts = {
  actions: ReadonlyMap<string, ActionFacts>;
  connections: ReadonlyMap<string, ConnectionFacts>;
};

const BYTES_MAX = 256 * 1024;
const STEPS_MAX = 100;
const PROBLEMS_MAX = 100;

export type Validation =
  | { definition: Definition; problems: readonly [] }
  | { definition: undefined; problems: readonly Problem[] };

/** The ids a definition names, as far as it can be read at all; what `DefinitionFacts` must be loaded for. */
export function namedIds(value: unknown): { actionIds: string[]; connectionIds: string[] } {
  const steps = isJsonValue(value) && describeSize(value) === undefined ? readLoosely(value).steps : [];
  const actionIds = new Set(steps.flatMap(({ actionId }) => actionId ?? []));
  const connectionIds = new Set(steps.flatMap(({ connectionId }) => connectionId ?? []));
  return { actionIds: [...actionIds], connectionIds: [...connectionIds] };
}

/** Finds every problem in one pass, at most 100, each with a pointer into the definition. */
export function validateDefinition(value: unknown, facts: DefinitionFacts): Validation {
  if (!isJsonValue(value))
    return refuse([{ pointer: "", code: "SHAPE_INVALID", message: "must be JSON, nested at most 500 levels" }]);
  const size = describeSize(value);
  if (size !== undefined) return refuse([{ pointer: "", code: "TOO_LARGE", message: size }]);
  const parsed = definitionSchema.safeParse(value);
  const problems = [...shapeProblems(parsed.error?.issues ?? []), ...contentProblems(readLoosely(value), facts)];
  return problems.length === 0 && parsed.success ? { definition: parsed.data, problems: [] } : refuse(problems);
}

function refuse(problems: readonly Problem[]): Validation {
  return { definition: undefined, problems: problems.slice(0, PROBLEMS_MAX) };
}

function describeSize(value: JsonValue): string | undefined {
  if (Buffer.byteLength(JSON.stringify(value)) > BYTES_MAX) return "the definition is larger than 256 KiB";
  const tooMany = isJsonObject(value) && Array.isArray(value.steps) && value.steps.length > STEPS_MAX;
  return tooMany ? `a definition has at most ${STEPS_MAX} steps` : undefined;
}

function shapeProblems(issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const at = jsonPointer(...issue.path);
    if (issue.code !== "unrecognized_keys") return [{ pointer: at, code: "SHAPE_INVALID", message: issue.message }];
    return issue.keys.map((key) => ({
      pointer: at + jsonPointer(key),
      code: "SHAPE_INVALID",
      message: "there is no such field",
    }));
  });
}

function contentProblems(definition: LooseDefinition, facts: DefinitionFacts): Problem[] {
  const schemas = createKnownSchemas(definition, facts.actions);
  const graph = readGraph(definition);
  const keys = new Set(definition.steps.flatMap(({ key }) => key ?? []));
  return [
    ...(definition.inputSchema === undefined ? [] : checkSchema(definition.inputSchema, "/inputSchema")),
    ...checkKeys(definition),
    ...checkGraph(definition),
    ...definition.steps.flatMap((step, index) => {
      const upstream = graph === undefined || step.key === undefined ? undefined : upstreamOf(graph, step.key);
      return checkStep(step, `/steps/${index}`, upstream, schemas, facts);
    }),
    ...checkReferences(definition.output, "/output", graph === undefined ? undefined : keys, schemas),
  ];
}

type Graph = readonly { key: string; dependsOn: readonly string[] }[];

/** Undefined while the key or the edges of some step cannot be read: then nobody can say what is upstream of what. */
function readGraph({ steps }: LooseDefinition): Graph | undefined {
  const graph = readableNodes(steps);
  return graph.length === steps.length ? graph : undefined;
}

function readableNodes(steps: readonly LooseStep[]): Graph {
  return steps.flatMap(({ key, dependsOn }) =>
    key === undefined || dependsOn === undefined ? [] : { key, dependsOn },
  );
}

function checkKeys({ steps }: LooseDefinition): Problem[] {
  const seen = new Set<string>();
  return steps.flatMap(({ key }, index): Problem[] => {
    if (key === undefined) return [];
    const repeated = seen.has(key);
    seen.add(key);
    return repeated
      ? [{ pointer: `/steps/${index}/key`, code: "KEY_DUPLICATE", message: `another step is called ${key}` }]
      : [];
  });
}

function checkGraph({ steps }: LooseDefinition): Problem[] {
  const keys = new Set(steps.map(({ key }) => key));
  const unknown = steps.flatMap(({ dependsOn = [] }, index) =>
    dependsOn.flatMap((key, place): Problem[] =>
      // A step without a readable key may be the one that is meant.
      keys.has(key) || keys.has(undefined)
        ? []
        : [
            {
              pointer: `/steps/${index}/dependsOn/${place}`,
              code: "DEPENDENCY_UNKNOWN",
              message: `no step is called ${key}`,
            },
          ],
    ),
  );
  const cycles = findCycles(readableNodes(steps)).map((cycle): Problem => {
    const [first = "", second = ""] = cycle;
    const index = steps.findLastIndex(({ key }) => key === first);
    const place = steps[index]?.dependsOn?.indexOf(second) ?? 0;
    return {
      pointer: `/steps/${index}/dependsOn/${place}`,
      code: "DEPENDENCY_CYCLE",
      message: `these steps wait for each other: ${cycle.join(" → ")}`,
    };
  });
  return [...unknown, ...cycles];
}

function checkStep(
  step: LooseStep,
  at: string,
  upstream: ReadonlySet<string> | undefined,
  schemas: KnownSchemas,
  facts: DefinitionFacts,
): Problem[] {
  const { actionId, input, when } = step;
  const action = actionId === undefined ? undefined : facts.actions.get(actionId);
  const wanted = action === undefined || actionId === undefined ? undefined : schemas.inputOf(actionId);
  return [
    ...(actionId === undefined ? [] : checkAction(action, `${at}/actionId`)),
    ...checkConnection(step, action, facts, `${at}/connectionId`),
    ...(input === undefined ? [] : checkReferences(input, `${at}/input`, upstream, schemas)),
    ...(when === undefined ? [] : checkReferences(when, `${at}/when`, upstream, schemas)),
    ...(input === undefined ? [] : checkInput({ type: "object", ...wanted }, input, `${at}/input`, schemas)),
  ];
}

function checkAction(action: ActionFacts | undefined, pointer: string): Problem[] {
  if (action === undefined) return [{ pointer, code: "ACTION_UNKNOWN", message: "this action does not exist" }];
  if (action.published) return [];
  return [{ pointer, code: "ACTION_NOT_PUBLISHED", message: "this action's app version is a draft" }];
}

function checkConnection(
  { connectionId, namesConnection }: LooseStep,
  action: ActionFacts | undefined,
  facts: DefinitionFacts,
  pointer: string,
): Problem[] {
  const refuseWith = (code: Problem["code"], message: string): Problem[] => [{ pointer, code, message }];
  if (!namesConnection)
    return action === undefined || action.authType === "NONE"
      ? []
      : refuseWith("CONNECTION_MISSING", "this action needs a connection");
  if (connectionId === undefined) return [];
  if (action?.authType === "NONE") return refuseWith("CONNECTION_NOT_ALLOWED", "this action needs no connection");
  const connection = facts.connections.get(connectionId);
  if (connection === undefined) return refuseWith("CONNECTION_UNKNOWN", "this connection does not exist");
  if (action === undefined || (connection.appId === action.appId && connection.authType === action.authType)) return [];
  return refuseWith("CONNECTION_WRONG_APP", "this connection is for another app or another kind of sign-in");
}
