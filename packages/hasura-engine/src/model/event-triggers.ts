import type { EventTriggerMetadata } from "../metadata/table-metadata.ts";
import { tableText } from "../metadata/table-name.ts";
import { type Env, fillUrl, resolveHeaders, urlFromEnv } from "./env-templates.ts";
import { type Inconsistencies, InconsistencyError, within } from "./inconsistency.ts";
import type { Column, EventOperation, EventTrigger } from "./model.ts";
import { requireColumn } from "./relationships.ts";
import { databaseColumns, type TableDraft, type TableDrafts } from "./table-drafts.ts";

const TIMEOUT_SECONDS_DEFAULT = 60;
const NAME_LENGTH_MAX = 42;

export function resolveEventTriggers(
  drafts: TableDrafts,
  source: string,
  env: Env,
  inconsistencies: Inconsistencies,
): EventTrigger[] {
  const names = new Set<string>();
  return [...drafts.values()].flatMap((draft) =>
    draft.metadata.event_triggers.flatMap((entry) => {
      const table = tableText(draft.table);
      const object = {
        type: "event_trigger",
        name: `${entry.name} in table ${table} in source ${source}`,
        definition: { source, table: draft.metadata.table, configuration: entry },
      };
      const resolved = inconsistencies.attempt(object, () =>
        within(`in table "${table}"`, () =>
          within(`in event trigger "${entry.name}"`, () => resolveTrigger(draft, entry, env, names)),
        ),
      );
      return resolved ?? [];
    }),
  );
}

function resolveTrigger(draft: TableDraft, entry: EventTriggerMetadata, env: Env, names: Set<string>): EventTrigger {
  const { name, definition, retry_conf, webhook, webhook_from_env } = entry;
  if (!/^[A-Za-z]+[A-Za-z0-9_-]*$/.test(name) || name.length > NAME_LENGTH_MAX) {
    throw new InconsistencyError(
      "parse-failed",
      `an event trigger's name has at most ${NAME_LENGTH_MAX} letters, digits, "_" and "-" and begins with a letter`,
    );
  }
  if (names.has(name))
    throw new InconsistencyError("already-exists", `event trigger with name "${name}" already exists`);
  if (draft.table.kind !== "table" && draft.table.kind !== "partitioned-table") {
    throw new InconsistencyError("not-supported", "an event trigger needs a table");
  }
  const { insert, update, delete: remove } = definition;
  if (insert === undefined && update === undefined && remove === undefined && !definition.enable_manual) {
    throw new InconsistencyError(
      "parse-failed",
      "atleast one amongst insert/update/delete/enable_manual spec must be provided",
    );
  }
  if (webhook !== undefined && webhook_from_env !== undefined) {
    throw new InconsistencyError("parse-failed", "only one of webhook or webhook_from_env should be given");
  }
  if (webhook === undefined && webhook_from_env === undefined) {
    throw new InconsistencyError("parse-failed", "must provide webhook or webhook_from_env");
  }
  const trigger: EventTrigger = {
    name,
    table: draft.table,
    insert: resolveOperation(draft, insert),
    update: resolveOperation(draft, update),
    delete: resolveOperation(draft, remove),
    url: webhook === undefined ? urlFromEnv(webhook_from_env ?? "", env) : fillUrl(webhook, env),
    headers: resolveHeaders(entry.headers, env),
    retry: {
      numRetries: retry_conf.num_retries,
      intervalSeconds: retry_conf.interval_sec,
      timeoutSeconds: retry_conf.timeout_sec ?? TIMEOUT_SECONDS_DEFAULT,
    },
  };
  names.add(name);
  return trigger;
}

function resolveOperation(
  draft: TableDraft,
  operation: EventTriggerMetadata["definition"]["insert"],
): EventOperation | undefined {
  if (operation === undefined) return undefined;
  return {
    columns: columnsOf(draft, operation.columns, "found empty column specification"),
    payload: columnsOf(draft, operation.payload ?? "*", "found empty payload specification"),
  };
}

function columnsOf(draft: TableDraft, columns: "*" | readonly string[], whenEmpty: string): Column[] {
  const all = databaseColumns(draft);
  if (columns === "*") return all;
  if (columns.length === 0) throw new InconsistencyError("parse-failed", whenEmpty);
  return columns.map((name) => all.find((column) => column.name === name) ?? requireColumn(draft, name));
}
