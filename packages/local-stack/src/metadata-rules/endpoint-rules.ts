import { isDeepStrictEqual } from "node:util";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import { isSecretColumn } from "./column-rules.ts";
import type { Finding, MetadataRule } from "./finding.ts";
import { type HeaderShape, type MetadataShape, placedTables } from "./metadata-shape.ts";
import { type PermissionsTwin, roleOfLetter } from "./permissions-twin.ts";

type Place = readonly (string | number)[];

/** Hasura actions: kind, roles, address, secret; and none that the twin does not list. */
export function checkActions(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  return [
    ...metadata.actions.flatMap((action, index): Finding[] => {
      const place = ["actions", index];
      const cell = twin.actions[action.name];
      if (cell === undefined) return [notInTwin(place, `action ${action.name}`)];
      const { definition } = action;
      const url = `{{${cell.service}}}/actions/${action.name}`;
      return [
        ...sameSet(
          action.permissions.map(({ role }) => role),
          cell.roles.map((letter) => roleOfLetter(twin, letter)),
          { place: [...place, "permissions"], rule: "action-differs" },
        ),
        ...(definition.type === cell.kind ? [] : [differs(place, "action-differs", `is not a ${cell.kind}`)]),
        ...(definition.type === "query" && definition.kind !== undefined
          ? [
              differs(
                [...place, "definition", "kind"],
                "action-differs",
                "a query action has no kind in Hasura's schema",
              ),
            ]
          : []),
        ...checkUrl(definition.handler, url, [...place, "definition", "handler"]),
        ...checkHeaders(definition.headers, twin.secret_headers.actions, [...place, "definition", "headers"]),
        ...checkForwarding(definition.forward_client_headers, [...place, "definition"]),
      ];
    }),
    ...missing(
      Object.keys(twin.actions),
      metadata.actions.map(({ name }) => name),
      "/actions",
    ),
  ];
}

/** Event triggers: columns listened to, columns delivered (the default would be the whole row), address, secret. */
export function checkEventTriggers(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  const placed = placedTables(metadata).flatMap(({ table, place }) =>
    table.event_triggers.map((trigger, index) => ({
      table: table.table.name,
      trigger,
      place: [...place, "event_triggers", index],
    })),
  );
  return [
    ...placed.flatMap(({ table, trigger, place }): Finding[] => {
      const definition = [...place, "definition"];
      const payloads = EVENT_OPERATIONS.flatMap((operation) =>
        checkPayload(trigger.definition[operation], twin, [...definition, operation]),
      );
      const cell = twin.event_triggers[trigger.name];
      if (cell === undefined) return [notInTwin(place, `event trigger ${trigger.name}`), ...payloads];
      const { enable_manual: manual, ...operations } = trigger.definition;
      const same = cell.table === table && manual !== true && isDeepStrictEqual(operations, cell.operations);
      return [
        ...payloads,
        ...(same ? [] : [differs(definition, "event-differs", "is not as permissions.yaml states it")]),
        ...checkUrl(trigger.webhook, `{{${cell.service}}}${cell.path}`, [...place, "webhook"]),
        ...checkHeaders(trigger.headers, twin.secret_headers.events, [...place, "headers"]),
      ];
    }),
    ...missing(
      Object.keys(twin.event_triggers),
      placed.map(({ trigger }) => trigger.name),
      "/sources/0/tables",
    ),
  ];
}

const EVENT_OPERATIONS = ["insert", "update", "delete"] as const;

function checkPayload(operation: unknown, twin: PermissionsTwin, place: Place): Finding[] {
  if (operation === undefined) return [];
  const payload =
    typeof operation === "object" && operation !== null && "payload" in operation ? operation.payload : undefined;
  if (!Array.isArray(payload)) {
    const message = "without a column list the whole row is delivered";
    return [{ pointer: jsonPointer(...place, "payload"), rule: "event-payload", message }];
  }
  return payload.flatMap((column: unknown, index): Finding[] =>
    typeof column === "string" && !isSecretColumn(twin, column)
      ? []
      : [{ pointer: jsonPointer(...place, "payload", index), rule: "secret-column", message: "may not be delivered" }],
  );
}

/** Cron triggers: schedule, address, secret. */
export function checkCrons(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  return [
    ...metadata.cron_triggers.flatMap((cron, index): Finding[] => {
      const place = ["cron_triggers", index];
      const cell = twin.crons[cron.name];
      if (cell === undefined) return [notInTwin(place, `cron ${cron.name}`)];
      return [
        ...(cron.schedule === cell.schedule ? [] : [differs([...place, "schedule"], "cron-differs", "is another one")]),
        ...checkUrl(cron.webhook, `{{${cell.service}}}${cell.path}`, [...place, "webhook"]),
        ...checkHeaders(cron.headers, twin.secret_headers.events, [...place, "headers"]),
      ];
    }),
    ...missing(
      Object.keys(twin.crons),
      metadata.cron_triggers.map(({ name }) => name),
      "/cron_triggers",
    ),
  ];
}

/** Exactly one header, whose value comes from the environment: a literal would be a secret in the repository. */
export function checkHeaders(
  headers: readonly HeaderShape[],
  expected: { name: string; env: string },
  place: Place,
): Finding[] {
  if (isDeepStrictEqual(headers, [{ name: expected.name, value_from_env: expected.env }])) return [];
  const message = `must be ${expected.name} from ${expected.env}, and no other`;
  return [{ pointer: jsonPointer(...place), rule: "secret-header", message }];
}

export function checkUrl(url: string | undefined, expected: string, place: Place): Finding[] {
  if (url === expected) return [];
  return [{ pointer: jsonPointer(...place), rule: "endpoint-url", message: `must be ${expected}` }];
}

/** With forwarding on, a client's own header would replace the secret one. */
export function checkForwarding(forwards: boolean, place: Place): Finding[] {
  if (!forwards) return [];
  const pointer = jsonPointer(...place, "forward_client_headers");
  return [{ pointer, rule: "client-headers", message: "client headers are never forwarded" }];
}

export function sameSet(
  actual: readonly string[],
  expected: readonly string[],
  at: { place: Place; rule: MetadataRule },
): Finding[] {
  if (isDeepStrictEqual([...actual].sort(), [...expected].sort())) return [];
  return [differs(at.place, at.rule, `must be ${[...expected].sort().join(", ")}`)];
}

export function notInTwin(place: Place, what: string): Finding {
  return { pointer: jsonPointer(...place), rule: "not-in-twin", message: `${what} is not in permissions.yaml` };
}

export function missing(expected: readonly string[], actual: readonly string[], pointer: string): Finding[] {
  return expected
    .filter((name) => !actual.includes(name))
    .map((name) => ({ pointer, rule: "not-in-metadata", message: `${name} of permissions.yaml is not here` }));
}

function differs(place: Place, rule: MetadataRule, message: string): Finding {
  return { pointer: jsonPointer(...place), rule, message };
}
