import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseDocument } from "yaml";
import { joinActions } from "./join-actions.ts";
import { type Problem, pointerText } from "./problem.ts";

/** The merged object, not yet checked, and where its parts came from. */
export type RawMetadata = {
  readonly object: Readonly<Record<string, unknown>>;
  /** `<file>#<pointer inside it>` of a path in the object. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
};
export type ReadResult = { readonly raw: RawMetadata } | { readonly problems: readonly Problem[] };

/** File below the directory -> keys of the merged object. The value of every file but the first is the key's value. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["databases/databases.yaml", "sources"],
  ["remote_schemas.yaml", "remote_schemas"],
  ["cron_triggers.yaml", "cron_triggers"],
  ["graphql_schema_introspection.yaml", "graphql_schema_introspection"],
  ["allow_list.yaml", "allowlist"],
  ["inherited_roles.yaml", "inherited_roles"],
  ["query_collections.yaml", "query_collections"],
  ["rest_endpoints.yaml", "rest_endpoints"],
  ["api_limits.yaml", "api_limits"],
  ["backend_configs.yaml", "backend_configs"],
  ["metrics_config.yaml", "metrics_config"],
  ["network.yaml", "network"],
  ["opentelemetry.yaml", "opentelemetry"],
]);
const KNOWN_TOP_LEVEL = new Set([...FILES.keys(), "version.yaml", "actions.yaml", "actions.graphql"]);

type Reader = {
  readonly root: string;
  readonly problems: Problem[];
  /** Pointer in the merged object -> file whose root stands there. */
  readonly origins: Map<string, string>;
};

/** Reads a metadata directory (config v3): files, includes and the join of the actions. No environment, no checking. */
export async function readMetadataDirectory(dir: string): Promise<ReadResult> {
  const reader: Reader = { root: await realpath(dir), problems: [], origins: new Map() };
  const object: Record<string, unknown> = {};
  await refuseUnknownFiles(reader);
  const version = await readYamlFile(reader, "version.yaml", [], [], true);
  if (isObject(version)) Object.assign(object, version);
  for (const [file, key] of FILES) {
    const value = await readYamlFile(reader, file, [key], [], key === "sources");
    if (value !== undefined) object[key] = value;
  }
  const actions = await readYamlFile(reader, "actions.yaml", [], [], false);
  const sdl = await readText(join(reader.root, "actions.graphql"));
  for (const key of ["actions", "custom_types"]) reader.origins.set(pointerText([key]), "actions.yaml");
  const joined = joinActions(actions, sdl);
  reader.problems.push(...joined.problems);
  Object.assign(object, joined.object);
  if (reader.problems.length > 0) return { problems: reader.problems };
  return { raw: { object, placeOf: (path) => placeIn(reader.origins, path) } };
}

async function refuseUnknownFiles(reader: Reader): Promise<void> {
  for (const entry of await readdir(reader.root, { withFileTypes: true })) {
    if (entry.isFile() && /\.(ya?ml|graphql|json)$/.test(entry.name) && !KNOWN_TOP_LEVEL.has(entry.name)) {
      reader.problems.push({
        place: entry.name,
        message: `the unknown file "${entry.name}" is not supported by the embedded engine`,
      });
    }
  }
}

async function readYamlFile(
  reader: Reader,
  file: string,
  at: readonly PropertyKey[],
  including: readonly string[],
  required: boolean,
): Promise<unknown> {
  const path = resolve(reader.root, file);
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) {
    if (required) reader.problems.push({ place: file, message: "the file is missing" });
    return undefined;
  }
  if (!real.startsWith(reader.root + sep)) {
    reader.problems.push({ place: including.at(-1) ?? file, message: `${file} lies outside the metadata directory` });
    return undefined;
  }
  if (including.includes(file)) {
    reader.problems.push({ place: file, message: "the file includes itself" });
    return undefined;
  }
  reader.origins.set(pointerText(at), file);
  const value = parseYaml(reader, file, await readFile(real, "utf8"));
  return resolveIncludes(reader, value, file, at, [...including, file]);
}

function parseYaml(reader: Reader, file: string, text: string): unknown {
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    intAsBigInt: true,
    // A tag `!include x` reads as the string Hasura exports for it.
    customTags: [{ tag: "!include", resolve: (path: string) => `!include ${path}` }],
  });
  const messages = [...document.errors, ...document.warnings].map(({ message }) => message.split("\n")[0] ?? message);
  if (messages.length > 0) {
    reader.problems.push(...messages.map((message) => ({ place: file, message })));
    return undefined;
  }
  return document.toJS();
}

async function resolveIncludes(
  reader: Reader,
  value: unknown,
  file: string,
  at: readonly PropertyKey[],
  including: readonly string[],
): Promise<unknown> {
  if (typeof value === "bigint") return exactNumber(reader, value, at);
  if (typeof value === "string" && value.startsWith("!include ")) {
    const target = resolve(reader.root, dirname(file), value.slice("!include ".length).trim());
    return readYamlFile(reader, relative(reader.root, target), at, including, true);
  }
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const [index, item] of value.entries())
      items.push(await resolveIncludes(reader, item, file, [...at, index], including));
    return items;
  }
  if (!isObject(value)) return value;
  const members: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    members.push([key, await resolveIncludes(reader, item, file, [...at, key], including)]);
  }
  return Object.fromEntries(members);
}

/** JSON of the metadata API and of `export_metadata` would round a larger integer. */
function exactNumber(reader: Reader, value: bigint, at: readonly PropertyKey[]): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    reader.problems.push({
      place: placeIn(reader.origins, at),
      message: "an integer beyond 2^53 must be written as a string",
    });
  }
  return number;
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placeIn(origins: ReadonlyMap<string, string>, path: readonly PropertyKey[]): string {
  for (let length = path.length; length >= 0; length--) {
    const file = origins.get(pointerText(path.slice(0, length)));
    if (file === undefined) continue;
    const inside = file === "actions.yaml" ? path : path.slice(length);
    return inside.length === 0 ? file : `${file}#${pointerText(inside)}`;
  }
  return pointerText(path);
}
