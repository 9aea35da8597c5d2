import { HasuraError } from "../hasura-error.ts";
import { isJsonList, type Json, parseJson, printJson } from "../json/exact-json.ts";
import type { CustomTypes } from "../model/model.ts";
import type { JoinTarget } from "../plan/join-rows.ts";
import type { ActionCall } from "../plan/plan.ts";
import { joinRemotes } from "../remote-schema/join-remotes.ts";
import type { RequestContext } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import { actionRequest } from "./action-request.ts";
import { callHandler, type HandlerAnswer } from "./call-handler.ts";
import { checkOutput } from "./check-output.ts";
import { type ActionRelationship, type KeyTuple, shapeOutput } from "./shape-output.ts";

export type ActionDeps = {
  readonly customTypes: CustomTypes;
  readonly settings: Pick<EngineSettings, "configuredHeaderPrecedence">;
  /**
   * One statement: what each key's related rows look like, as JSON text in the order of the keys. An object
   * relationship gives a row or null, an array relationship a list, an aggregate its object.
   */
  readonly fetchRelated: (
    relationship: ActionRelationship,
    keys: readonly KeyTuple[],
    context: RequestContext,
  ) => Promise<readonly string[]>;
};

export type ActionResult = { readonly jsonText: string; readonly setCookie: readonly string[] };

/** Calls a synchronous action's handler and answers the client's selection (docs/reference/hasura-semantics.md, "Actions"). */
export async function runAction(call: ActionCall, context: RequestContext, deps: ActionDeps): Promise<ActionResult> {
  const { action, selection } = call;
  const request = actionRequest(call, context, deps.settings.configuredHeaderPrecedence);
  // A mutation goes on at the handler anyway; giving up on it would only hide its outcome.
  const signal = action.operation === "query" ? context.caller?.signal() : undefined;
  const answer = await callHandler(request, { timeoutSeconds: action.timeoutSeconds, signal });
  check(answer, action.outputType, deps.customTypes);

  const wanted = new Map<ActionRelationship, Map<string, KeyTuple>>();
  shapeOutput(answer.value, selection, (relationship, key) => {
    const keys = wanted.get(relationship) ?? new Map<string, KeyTuple>();
    wanted.set(relationship, keys.set(JSON.stringify(key), key));
    return null;
  });
  const related = new Map<ActionRelationship, ReadonlyMap<string, Json>>();
  for (const [relationship, keys] of wanted)
    related.set(relationship, await fetchRows(relationship, keys, context, deps));
  const shaped = shapeOutput(
    answer.value,
    selection,
    (relationship, key) => related.get(relationship)?.get(JSON.stringify(key)) ?? null,
  );
  return { jsonText: printJson(shaped), setCookie: answer.setCookie };
}

function check(answer: HandlerAnswer, outputType: string, types: CustomTypes): void {
  try {
    checkOutput(answer.value, outputType, types);
  } catch (error) {
    if (error instanceof HasuraError)
      throw new HasuraError(error.code, error.message, error.path, { internal: answer.internal });
    throw error;
  }
}

async function fetchRows(
  relationship: ActionRelationship,
  keys: ReadonlyMap<string, KeyTuple>,
  context: RequestContext,
  deps: ActionDeps,
): Promise<ReadonlyMap<string, Json>> {
  const texts = await deps.fetchRelated(relationship, [...keys.values()], context);
  const joined = parseJson(await joinRemotes(targetOf(relationship), `[${texts.join(",")}]`, context));
  const rows = isJsonList(joined) ? joined : [];
  return new Map([...keys.keys()].map((key, index) => [key, rows[index] ?? null]));
}

function targetOf(relationship: ActionRelationship): JoinTarget {
  switch (relationship.kind) {
    case "object":
      return { kind: "rows", rows: relationship.rows };
    case "array":
      return { kind: "rows", rows: relationship.select.rows };
    case "aggregate":
      return { kind: "aggregate", fields: relationship.select.fields };
    default:
      return relationship satisfies never;
  }
}
