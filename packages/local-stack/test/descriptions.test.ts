import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, createTemplate, dropDatabase } from "@control-plane/db";
import { buildSchema } from "graphql";
import pg from "pg";
import { afterEach, beforeAll, expect, test } from "vitest";
import { checkDescriptions } from "../src/check-descriptions.ts";
import { findUndescribed } from "../src/metadata-rules/find-undescribed.ts";
import { repository } from "./read-metadata.ts";

const serverUrl = process.env.DATABASE_URL ?? "";
const made: string[] = [];

beforeAll(() => createTemplate(serverUrl));
afterEach(async () => {
  for (const name of made.splice(0)) await dropDatabase(serverUrl, name);
});

async function migratedDatabase(...changes: string[]): Promise<string> {
  const name = `descriptions_${process.pid}_${made.length}`;
  made.push(name);
  const url = await cloneDatabase(serverUrl, name);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const change of changes) await client.query(change);
  await client.end();
  return url;
}

test("every table, column, enum value, action, argument and remote field is described, for every role", async () => {
  const url = await migratedDatabase();

  expect(await checkDescriptions(url)).toEqual([]);
});

test("a column without a comment, and an enum value that nobody explains, are named", async () => {
  const url = await migratedDatabase(
    "comment on column workflow_runs.attempt is null",
    "alter type step_status add value 'PAUSED'",
  );

  const undescribed = await checkDescriptions(url);

  expect(undescribed.toSorted()).toEqual(["step_runs.status: PAUSED", "step_status: PAUSED", "workflow_runs.attempt"]);
});

const SHIPPED = readFileSync(join(repository, "hasura/generated/owner.graphql"), "utf8");
const PARTS = {
  tables: new Map([["workflows", new Set<string>()]]),
  enums: new Map([["run_status", ["QUEUED"]]]),
};

test.each([
  ["a table", '"""A workflow; what runs is one of its versions"""', "workflows"],
  ["an action", '"""Cancels a run; repeating it changes nothing"""', "mutation_root.cancelRun"],
  ["an argument", '"""Token of the mail, inv_…"""', "mutation_root.acceptInvitation(token)"],
  ["a field of an answer", '"""Buys the next pair of tokens, once; rt_…"""', "AuthPayload.refreshToken"],
  ["a type of an action", '"""A tenant of the user"""', "AuthTenant"],
  ["a field of an input", '"""Runs of this workflow"""', "RunFilter.workflowId"],
  ["a remote field", '"""Log lines of a run, by attempt and number"""', "query_root.getRunLogs"],
  ["a remote argument", '"""Lines behind this cursor"""', "query_root.getRunLogs(after)"],
  ["a remote enum value", '"""Odd, but handled"""', "LogLevel.WARN"],
])("%s without a description is named", (_what, description, place) => {
  const lines = SHIPPED.split("\n");
  const left = lines.filter((line) => !line.trim().startsWith(description));

  expect(left.length).toBeLessThan(lines.length);
  expect(findUndescribed(buildSchema(left.join("\n")), PARTS)).toContain(place);
});
