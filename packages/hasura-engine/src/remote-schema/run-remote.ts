import { HasuraError } from "../hasura-error.ts";
import { printJson } from "../json/exact-json.ts";
import type { RemoteCall } from "../plan/plan.ts";
import type { RequestContext } from "../session/session.ts";
import { callRemote } from "./call-remote.ts";
import { presetScope } from "./presets.ts";
import { printOperation } from "./print-operation.ts";

/** Runs root fields of one remote schema in one request. The answer's JSON text per alias, digits kept. */
export async function runRemote(calls: readonly RemoteCall[], context: RequestContext): Promise<Map<string, string>> {
  const [first] = calls;
  if (first === undefined) return new Map();
  if (calls.some((call) => call.remote !== first.remote || call.operation !== first.operation)) {
    throw new HasuraError("unexpected", "the calls are not of one remote schema and operation");
  }
  const scope = presetScope(first.remote, context.session);
  const roots = calls.map(({ node }) => ({ alias: node.alias, field: node }));
  const data = await callRemote(first.remote, printOperation(scope, first.operation, roots), context);
  return new Map(calls.map(({ node }) => [node.alias, printJson(data.get(node.alias) ?? null)]));
}
