import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const secretsSchema = z.object({
  adminSecret: z.string(),
  actionSecret: z.string(),
  eventSecret: z.string(),
  logsSchemaSecret: z.string(),
  runnerToken: z.string(),
  opsSecret: z.string(),
  /** Every data key is wrapped with a key of this ring, so it lives as long as the data. */
  keyring: z.string(),
  databasePasswords: z.object({
    hasura: z.string(),
    auth: z.string(),
    gateway: z.string(),
    orchestrator: z.string(),
    logs: z.string(),
  }),
});
export type StackSecrets = z.infer<typeof secretsSchema>;

/** Reads this stack's secrets, or makes them on the first start. Only the owner of the clone can read the file. */
export function loadSecrets(stateDir: string): StackSecrets {
  const file = join(stateDir, "secrets.json");
  if (existsSync(file)) return secretsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const text = (): string => randomBytes(32).toString("base64url");
  const secrets: StackSecrets = {
    adminSecret: text(),
    actionSecret: text(),
    eventSecret: text(),
    logsSchemaSecret: text(),
    runnerToken: text(),
    opsSecret: text(),
    keyring: JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } }),
    databasePasswords: { hasura: text(), auth: text(), gateway: text(), orchestrator: text(), logs: text() },
  };
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return secrets;
}
