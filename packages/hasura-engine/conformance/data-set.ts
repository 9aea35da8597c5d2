import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { toJson } from "./exact-json.ts";

const transportSchema = z.enum(["http", "ws", "subscription"]);
export type Transport = z.infer<typeof transportSchema>;

const folderSchema = z.object({
  suite: z.string(),
  mode: z.enum(["once", "each", "schema+values", "scenario"]),
  transports: z.array(transportSchema).optional(),
  setup: z.string().optional(),
  values: z.string().optional(),
  unsupported: z.string().optional(),
});

const caseSchema = z.object({
  steps: z.int(),
  v1alpha1: z.boolean().optional(),
  before: z.array(z.union([z.object({ sql: z.string() }), z.object({ apply: z.string() })])).optional(),
  auth: z.enum(["none", "token"]).optional(),
  engine: z.object({ unauthorizedRole: z.string().nullable().optional(), jwt: z.boolean().optional() }).optional(),
  skipSteps: z.record(z.string(), z.string()).optional(),
  transports: z.array(transportSchema).optional(),
  outcome: z.enum(["errors", "data"]).optional(),
});

const manifestSchema = z.object({
  format: z.literal(1),
  folders: z.record(z.string(), folderSchema),
  cases: z.record(z.string(), caseSchema),
});

export type Folder = z.infer<typeof folderSchema>;
export type CaseFacts = z.infer<typeof caseSchema>;

const jsonSchema = z.unknown().transform(toJson);

const stepSchema = z.object({
  description: z.string().optional(),
  url: z.string(),
  status: z.coerce.number().default(200),
  headers: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.bigint()]).transform(String))
    .default({}),
  query: jsonSchema,
  response: jsonSchema.optional(),
  allowed_responses: z.array(z.object({ response: jsonSchema })).optional(),
  resp_headers: z.record(z.string(), z.string()).optional(),
});
export type Step = z.infer<typeof stepSchema>;

export type Case = { path: string; folder: string; facts: CaseFacts; steps: readonly Step[] };

export type DataSet = {
  dir: string;
  folders: ReadonlyMap<string, Folder>;
  cases: readonly Case[];
};

/** YAML 1.2 core: timestamps and `yes` stay strings, integers of any size stay exact. */
export function readYaml(file: string): unknown {
  return parseYaml(readFileSync(file, "utf8"), { schema: "core", intAsBigInt: true, maxAliasCount: -1 });
}

export function readDataSet(dir: string): DataSet {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")));
  const folders = new Map(Object.entries(manifest.folders));
  const cases = Object.entries(manifest.cases).map(([path, facts]) => ({
    path,
    facts,
    folder: path.slice(0, path.lastIndexOf("/")),
    steps: readSteps(join(dir, "queries", path)),
  }));
  return { dir, folders, cases };
}

function readSteps(file: string): Step[] {
  const content = readYaml(file);
  return z.array(stepSchema).parse(Array.isArray(content) ? content : [content]);
}
