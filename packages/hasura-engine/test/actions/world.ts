import { type ActionDeps, runAction } from "../../src/actions/run-action.ts";
import type { Action, CustomObject, CustomTypes } from "../../src/model/model.ts";
import type { ActionCall, ActionField, ActionSelection } from "../../src/plan/plan.ts";
import type { RequestContext } from "../../src/session/session.ts";
import { type OutsideAnswer, type OutsideCall, startOutside } from "../outside.ts";
import { context } from "../remote-schema/fixtures.ts";

function customObject(name: string, fields: Record<string, string>): CustomObject {
  return {
    name,
    description: undefined,
    relationships: [],
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type, description: undefined })),
  };
}

const types: CustomTypes = {
  enums: new Map([["Size", { description: undefined, values: [{ value: "SMALL", description: undefined }] }]]),
  inputObjects: new Map(),
  objects: new Map([
    [
      "Node",
      customObject("Node", {
        id: "Int!",
        name: "String",
        size: "Size",
        next: "Node",
        nodes: "[Node!]",
        grid: "[[Int!]!]",
        key: "ID",
        any: "jsonb",
      }),
    ],
  ]),
  scalars: new Map([["Custom", { description: undefined }]]),
  pgScalars: new Set(["jsonb"]),
};

function action(url: string, more: Partial<Action> = {}): Action {
  return {
    name: "doIt",
    operation: "mutation",
    comment: undefined,
    arguments: [],
    outputType: "Node",
    url,
    writtenUrl: "{{HOOKS}}/handler",
    headers: [],
    forwardClientHeaders: false,
    ignoredClientHeaders: undefined,
    timeoutSeconds: 5,
    roles: new Set(),
    ...more,
  };
}

export const plain = (name: string, alias = name, selection?: ActionSelection): ActionField => ({
  alias,
  kind: "field",
  name,
  selection,
});
export const node = (...fields: ActionField[]): ActionSelection => ({ typeName: "Node", fields });
export const json = (value: unknown, status = 200): OutsideAnswer => ({ status, body: JSON.stringify(value) });

export function deps(
  fetchRelated: ActionDeps["fetchRelated"] = async () => [],
  configuredHeaderPrecedence = false,
): ActionDeps {
  return { customTypes: types, settings: { configuredHeaderPrecedence }, fetchRelated };
}

type Case = {
  answer: OutsideAnswer | (() => Promise<OutsideAnswer>);
  action?: Partial<Action>;
  call?: Partial<ActionCall>;
  as?: RequestContext;
  deps?: ActionDeps;
};

type Ran = {
  /** `data` as it was written, and as it reads. */
  readonly jsonText: string;
  readonly data: unknown;
  readonly setCookie: readonly string[];
  /** What the handler was sent. */
  readonly request: OutsideCall | undefined;
};

/** Runs the action `doIt`, whose handler gives one answer. */
export async function run(one: Case): Promise<Ran> {
  const { answer, action: settings, call, as = context("admin"), deps: given = deps() } = one;
  const server = await startOutside(() => (typeof answer === "function" ? answer() : answer));
  const full: ActionCall = {
    action: action(`${server.url}/handler`, settings),
    input: new Map(),
    selection: node(plain("id")),
    requestQuery: "mutation { doIt { id } }",
    ...call,
  };
  try {
    const { jsonText, setCookie } = await runAction(full, as, given);
    return { jsonText, setCookie, data: JSON.parse(jsonText), request: server.calls()[0] };
  } finally {
    await server.close();
  }
}

/** What the same throws. */
export async function fault(one: Case): Promise<unknown> {
  return run(one).catch((error: unknown) => error);
}
