import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "./read-metadata.ts";

/** Names of settings that may hold a secret. */
export const SECRET_NAME = /SECRET|PASSWORD|TOKEN|KEYRING|_URL$/;

const composeSchema = z.looseObject({
  services: z.record(
    z.string(),
    z.looseObject({
      environment: z.record(z.string(), z.string()).default({}),
      ports: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      volumes: z.array(z.string()).default([]),
      read_only: z.boolean().default(false),
    }),
  ),
});

export function readText(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

export function composeServices() {
  return composeSchema.parse(parse(readText("docker-compose.yml"), { merge: true })).services;
}

export function environmentOf(service: string): Record<string, string> {
  const found = composeServices()[service];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${service}`);
  return found.environment;
}

/** A secret comes from the environment; an address without credentials is none. */
export function isRequiredOrAddress(value: string): boolean {
  return value.includes(":?") || /^http:\/\/[a-z-]+:\d+$/.test(value);
}
