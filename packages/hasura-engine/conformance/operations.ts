import { isJsonObject, type Json, printJson } from "./exact-json.ts";

/** What an operation does to the database; metadata changes happen in place. */
export type DatabaseWork = (sql: string, values?: readonly string[]) => Promise<void>;

type JsonObject = { readonly [key: string]: Json };
type Entry = { [key: string]: Json };
type TableEntry = Entry & { table: Entry };

/** The metadata object under construction, in the form of version 3. */
export type MetadataDraft = {
  tables: TableEntry[];
  actions: Entry[];
  customTypes: Json;
  remoteSchemas: Entry[];
};

export function emptyDraft(): MetadataDraft {
  return { tables: [], actions: [], customTypes: {}, remoteSchemas: [] };
}

export function draftToMetadata(draft: MetadataDraft): Json {
  return {
    version: 3,
    sources: [
      {
        name: "default",
        kind: "postgres",
        configuration: {
          connection_info: { database_url: { from_env: "PG_DATABASE_URL" }, isolation_level: "read-committed" },
        },
        tables: draft.tables,
      },
    ],
    actions: draft.actions,
    custom_types: draft.customTypes,
    remote_schemas: draft.remoteSchemas,
  };
}

/** Carries out one operation of the data set (its README, "Operations"): SQL at once, metadata into the draft. */
export async function applyOperation(operation: Json, draft: MetadataDraft, database: DatabaseWork): Promise<void> {
  const { type, args } = asObject(operation);
  const name = asText(type).replace(/^pg_/, "");
  if (name === "bulk") {
    for (const item of asList(args)) await applyOperation(item, draft, database);
    return;
  }
  if (name === "run_sql") return database(asText(asObject(args).sql));
  if (name === "insert") return insertRows(asObject(args), database);
  // A table alone may stand for the arguments that name it.
  applyMetadata(name, typeof args === "string" ? { table: args } : asObject(args), draft);
}

function applyMetadata(name: string, args: JsonObject, draft: MetadataDraft): void {
  const permission = /^create_(select|insert|update|delete)_permission$/.exec(name)?.[1];
  if (permission !== undefined) {
    pushTo(findTable(draft, args.table), `${permission}_permissions`, {
      role: args.role ?? null,
      permission: args.permission ?? null,
    });
    return;
  }
  const change = metadataChanges.get(name);
  if (change === undefined) throw new Error(`the data set uses an operation this runner does not know: ${name}`);
  change(args, draft);
}

const metadataChanges: ReadonlyMap<string, (args: JsonObject, draft: MetadataDraft) => void> = new Map<
  string,
  (args: JsonObject, draft: MetadataDraft) => void
>([
  ["track_table", trackTable],
  ["untrack_table", (args, draft) => remove(draft.tables, (entry) => sameTable(entry.table, args.table ?? args))],
  ["create_object_relationship", (args, draft) => addRelationship("object_relationships", args, draft)],
  ["create_array_relationship", (args, draft) => addRelationship("array_relationships", args, draft)],
  ["drop_relationship", dropRelationship],
  ["create_remote_relationship", createRemoteRelationship],
  [
    "set_custom_types",
    (args, draft) => {
      draft.customTypes = args;
    },
  ],
  [
    "create_action",
    (args, draft) => {
      draft.actions.push({ ...pick(args, "name", "definition", "comment"), permissions: [] });
    },
  ],
  [
    "update_action",
    (args, draft) => Object.assign(byName(draft.actions, args.name), pick(args, "definition", "comment")),
  ],
  ["drop_action", (args, draft) => remove(draft.actions, (entry) => entry.name === args.name)],
  [
    "create_action_permission",
    (args, draft) => pushTo(byName(draft.actions, args.action), "permissions", { role: args.role ?? null }),
  ],
  [
    "add_remote_schema",
    (args, draft) => {
      draft.remoteSchemas.push({ ...pick(args, "name", "definition", "comment") });
    },
  ],
  ["remove_remote_schema", removeRemoteSchema],
  [
    "add_remote_schema_permissions",
    (args, draft) =>
      pushTo(byName(draft.remoteSchemas, args.remote_schema), "permissions", pick(args, "role", "definition")),
  ],
  [
    "drop_remote_schema_permissions",
    (args, draft) => {
      const remote = byName(draft.remoteSchemas, args.remote_schema);
      remote.permissions = listOf(remote.permissions).filter((entry) => asObject(entry).role !== args.role);
    },
  ],
  ["create_event_trigger", createEventTrigger],
  ["delete_event_trigger", (args, draft) => dropEventTrigger(args.name ?? null, draft)],
  ["export_metadata", () => {}],
]);

function trackTable(args: JsonObject, draft: MetadataDraft): void {
  const named = args.table ?? (args.name === undefined ? null : pick(args, "schema", "name"));
  draft.tables.push({ table: tableName(named), ...pick(args, "is_enum", "configuration") });
}

function addRelationship(list: string, args: JsonObject, draft: MetadataDraft): void {
  pushTo(findTable(draft, args.table), list, pick(args, "name", "using", "comment"));
}

function dropRelationship(args: JsonObject, draft: MetadataDraft): void {
  const table = findTable(draft, args.table);
  for (const list of ["object_relationships", "array_relationships", "remote_relationships"]) {
    if (table[list] !== undefined)
      table[list] = listOf(table[list]).filter((entry) => asObject(entry).name !== args.relationship);
  }
}

function createRemoteRelationship(args: JsonObject, draft: MetadataDraft): void {
  const target = {
    remote_schema: args.remote_schema ?? null,
    lhs_fields: args.hasura_fields ?? [],
    remote_field: args.remote_field ?? null,
  };
  pushTo(findTable(draft, args.table), "remote_relationships", {
    name: args.name ?? null,
    definition: { to_remote_schema: target },
  });
}

function removeRemoteSchema(args: JsonObject, draft: MetadataDraft): void {
  remove(draft.remoteSchemas, (entry) => entry.name === args.name);
  for (const table of draft.tables) {
    if (table.remote_relationships === undefined) continue;
    table.remote_relationships = listOf(table.remote_relationships).filter((entry) => {
      const definition = asObject(asObject(entry).definition ?? {});
      return asObject(definition.to_remote_schema ?? {}).remote_schema !== args.name;
    });
  }
}

function createEventTrigger(args: JsonObject, draft: MetadataDraft): void {
  if (args.replace === true) dropEventTrigger(args.name ?? null, draft);
  pushTo(findTable(draft, args.table), "event_triggers", {
    name: args.name ?? null,
    definition: { enable_manual: false, ...pick(args, "insert", "update", "delete") },
    retry_conf: { num_retries: 0n, interval_sec: 10n, timeout_sec: 60n, ...asObject(args.retry_conf ?? {}) },
    ...pick(args, "webhook", "webhook_from_env", "headers"),
  });
}

function dropEventTrigger(name: Json, draft: MetadataDraft): void {
  for (const table of draft.tables) {
    if (table.event_triggers === undefined) continue;
    table.event_triggers = listOf(table.event_triggers).filter((entry) => asObject(entry).name !== name);
  }
}

async function insertRows(args: JsonObject, database: DatabaseWork): Promise<void> {
  const { schema, name } = tableName(args.table ?? null);
  const table = `${quote(asText(schema))}.${quote(asText(name))}`;
  for (const row of asList(args.objects)) {
    const columns = Object.keys(asObject(row)).map(quote).join(", ");
    await database(
      `insert into ${table} (${columns}) select ${columns} from json_populate_record(null::${table}, $1::json)`,
      [printJson(row)],
    );
  }
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function tableName(value: Json | undefined): Entry {
  if (typeof value === "string") return { schema: "public", name: value };
  const { schema, name } = asObject(value ?? null);
  return { schema: schema ?? "public", name: name ?? null };
}

function sameTable(left: Json, right: Json | undefined): boolean {
  const [a, b] = [tableName(left), tableName(right)];
  return a.schema === b.schema && a.name === b.name;
}

function findTable(draft: MetadataDraft, named: Json | undefined): TableEntry {
  const found = draft.tables.find((entry) => sameTable(entry.table, named));
  if (found === undefined) throw new Error(`table is not tracked: ${printJson(named ?? null)}`);
  return found;
}

function byName(entries: readonly Entry[], name: Json | undefined): Entry {
  const found = entries.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`nothing is named ${printJson(name ?? null)}`);
  return found;
}

function pushTo(entry: Entry, list: string, item: Json): void {
  entry[list] = [...listOf(entry[list]), item];
}

function remove<T>(list: T[], matches: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter((item) => !matches(item)));
}

function pick(source: JsonObject, ...names: readonly string[]): Entry {
  const picked: Entry = {};
  for (const name of names) {
    const value = source[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function asObject(value: Json | undefined): JsonObject {
  if (value === undefined || !isJsonObject(value))
    throw new Error(`expected an object, found ${printJson(value ?? null)}`);
  return value;
}

function asList(value: Json | undefined): readonly Json[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`expected a list, found ${printJson(value)}`);
  return value;
}

function listOf(value: Json | undefined): readonly Json[] {
  return asList(value);
}

function asText(value: Json | undefined): string {
  if (typeof value !== "string") throw new Error(`expected a text, found ${printJson(value ?? null)}`);
  return value;
}
