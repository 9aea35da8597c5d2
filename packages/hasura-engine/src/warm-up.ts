import { setTimeout as pause } from "node:timers/promises";
import { TEXT_TYPES } from "./catalog/pg-type.ts";
import type { Engine } from "./engine.ts";
import type { Relationship, Table } from "./model/model.ts";
import type { RoleAccess } from "./schema/role-access.ts";

const ROUNDS = 8;
/** Requests have the event loop meanwhile. */
const PAUSE_MS = 5;
/** Each level has two of the one below: beyond every bound of a document. */
const LEVELS = 7;
const INTROSPECTIONS = Array.from(
  { length: 150 },
  (_, index) => `a${index}: __schema { types { name fields { name } } }`,
);

/**
 * Plans documents that are refused, in every role, a few ms at a time: what refuses them would else run for the first time
 * when it is needed most, and a role's schema be made by its first request. Ends early when the signal says so.
 */
export async function warmUp({ plan, state }: Pick<Engine, "plan" | "state">, signal: AbortSignal): Promise<void> {
  const { model, roleSchemas } = state();
  for (let round = 0; round < ROUNDS; round++) {
    for (const role of model.roles) {
      const { access } = roleSchemas.get(role, false);
      const session = { role, variables: new Map(), backendOnly: false, admin: false, expiresAt: undefined };
      for (const query of dearDocuments(access)) {
        await pause(PAUSE_MS, undefined, { ref: false });
        if (signal.aborted) return;
        try {
          plan({ query, operationName: undefined, variables: new Map() }, session);
        } catch {
          // As it should be.
        }
      }
    }
  }
}

/** One of each kind, about the table of which the role may read most. */
function dearDocuments(access: RoleAccess): string[] {
  const [table] = [...access.model.tables.values()]
    .filter((candidate) => access.of(candidate).select !== undefined)
    .toSorted((one, other) => relatedOf(access, other).length - relatedOf(access, one).length);
  if (table === undefined) return [];
  const root = table.rootFields.select.name;
  const text = access.of(table).select?.columns.find(({ type }) => TEXT_TYPES.has(type.baseName));
  return [
    `{ ${root} ${nestedSelection(access, table, LEVELS)} }`,
    `{ ${root}(where: ${nestedCondition(access, table, LEVELS)}) { __typename } }`,
    ...(text === undefined ? [] : [`{ ${root}(where: {${text.graphqlName}: {_regex: "(a)\\\\1"}}) { __typename } }`]),
    `{ ${INTROSPECTIONS.join(" ")} }`,
  ];
}

type Related = { readonly relationship: Relationship; readonly table: Table };

function relatedOf(access: RoleAccess, table: Table): Related[] {
  return [...table.relationships.values()].flatMap((relationship) => {
    const target = access.selectable(relationship);
    return target === undefined ? [] : [{ relationship, table: target.table }];
  });
}

function nestedSelection(access: RoleAccess, table: Table, levels: number): string {
  const [one, other = one] = levels === 0 ? [] : relatedOf(access, table);
  if (one === undefined || other === undefined) return "{ __typename }";
  const below = [one, other].map(
    (related, index) => `a${index}: ${related.relationship.name} ${nestedSelection(access, related.table, levels - 1)}`,
  );
  return `{ __typename ${below.join(" ")} }`;
}

function nestedCondition(access: RoleAccess, table: Table, levels: number): string {
  const [related] = levels === 0 ? [] : relatedOf(access, table);
  if (related === undefined) return "{}";
  const below = nestedCondition(access, related.table, levels - 1);
  return `{_or: [{${related.relationship.name}: ${below}}, {${related.relationship.name}: ${below}}]}`;
}
