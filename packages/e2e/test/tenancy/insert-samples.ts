import { randomBytes } from "node:crypto";
import type { Drafts } from "./drafts.ts";

/** For each table that somebody may insert into: a row under the parents found in `drafts`. */
const SAMPLES: Readonly<Record<string, (drafts: Drafts, tag: string) => Record<string, unknown>>> = {
  apps: (_drafts, tag) => ({ slug: `app-${tag}`, name: tag, description: tag }),
  app_versions: (drafts) => ({ app_id: drafts.get("apps"), version: "2.0.0", auth_type: "NONE" }),
  actions: (drafts, tag) => ({ app_version_id: drafts.get("app_versions"), key: `key_${tag}`, name: tag }),
  workflows: (_drafts, tag) => ({ name: tag, description: tag }),
  workflow_versions: (drafts) => ({
    workflow_id: drafts.get("workflows"),
    definition: { schemaVersion: 1, steps: [] },
  }),
};

/** A row nobody has yet; throws for a table that has no sample. */
export function sampleRow(table: string, drafts: Drafts): Record<string, unknown> {
  const sample = SAMPLES[table];
  if (sample === undefined) throw new Error(`${table} may be inserted into: describe a row of it here`);
  return sample(drafts, randomBytes(6).toString("hex"));
}
