import { join } from "node:path";
import { ADMIN_SECRET, applyFile, callOverHttp, type Harness, type Prepared, start } from "./drive.ts";
import { isJsonObject, type Json, printJson } from "./exact-json.ts";
import type { StepResult } from "./report.ts";

/** Checks the original drivers made in code, without a case file (the data set's README names them). */
type Check = {
  folder: string;
  suite: string;
  name: string;
  run(harness: Harness, prepared: Prepared): Promise<string | undefined>;
};

const admin = { "x-hasura-admin-secret": ADMIN_SECRET };

function overActions(
  name: string,
  query: string,
  judge: (answer: Json, headers: Headers) => string | undefined,
): Check {
  return {
    folder: "actions/sync",
    suite: "actions",
    name,
    async run(harness, prepared) {
      const database = await harness.databases.clone(prepared.template);
      const running = await start(harness, database, structuredClone(prepared.draft), {});
      try {
        const { answer, headers } = await callOverHttp(running.url, admin, { query });
        return judge(answer, headers);
      } finally {
        await running.close();
        await harness.databases.drop(database);
      }
    },
  };
}

function loadsConsistently(file: string): Check {
  return {
    folder: "remote_schemas/permissions",
    suite: "remote",
    name: file,
    async run(harness, prepared) {
      const database = await harness.databases.clone(prepared.template);
      const draft = structuredClone(prepared.draft);
      await applyFile(harness, database, draft, join(harness.dataSet.dir, "queries/remote_schemas/permissions", file));
      const running = await start(harness, database, draft, {});
      const found = running.engine.inconsistencies();
      await running.close();
      await harness.databases.drop(database);
      return found.length === 0 ? undefined : JSON.stringify(found.map((entry) => entry.reason));
    },
  };
}

function firstMessage(answer: Json): Json {
  const errors = isJsonObject(answer) ? answer.errors : undefined;
  const first = Array.isArray(errors) ? errors[0] : undefined;
  return first !== undefined && isJsonObject(first) ? (first.message ?? null) : null;
}

const checks: readonly Check[] = [
  overActions(
    "Set-Cookie of the handler reaches the client",
    'mutation { create_user(email: "clarke@example.com", name: "Clarke") { id } }',
    (answer, headers) =>
      headers.get("set-cookie") === "abcd"
        ? undefined
        : `set-cookie: ${headers.get("set-cookie")}; ${printJson(answer)}`,
  ),
  overActions("User-Agent names the engine", "query { mirror_headers { headers { name value } } }", (answer) =>
    /hasura-graphql-engine\//.test(printJson(answer)) ? undefined : printJson(answer),
  ),
  overActions(
    "the type of a list action is a list",
    '{ __type(name: "mutation_root") { fields { name type { kind } } } }',
    (answer) =>
      /"create_users","type":\{"kind":"LIST"/.test(printJson(answer)) ? undefined : printJson(answer).slice(0, 500),
  ),
  overActions("a nested list answered flat fails", "mutation { custom_scalar_nested_array_response }", (answer) =>
    firstMessage(answer) === "expecting array for the action webhook response" ? undefined : printJson(answer),
  ),
  overActions("a null non-null field fails", "query { typed_nested_null_wrong_field { id child { id } } }", (answer) =>
    firstMessage(answer) === 'expecting not null value for field "id"' ? undefined : printJson(answer),
  ),
  loadsConsistently("add_permission_with_valid_subset_of_arguments.yaml"),
  loadsConsistently("add_permission_with_valid_subset_of_fields.yaml"),
];

/** Reported beside the cases, in a transport-less line of their folder's suite; they do not enter the gates. */
export async function runDriverChecks(
  harness: Harness,
  prepare: (folder: string) => Promise<Prepared | undefined>,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const check of checks) {
    const prepared = await prepare(check.folder);
    if (prepared === undefined) continue;
    const place = {
      folder: `${check.folder} (driver checks)`,
      suite: "driver checks",
      path: check.name,
      step: 0,
      transport: "http" as const,
    };
    const problem = await check.run(harness, prepared).catch((error: unknown) => String(error));
    results.push(
      problem === undefined
        ? { ...place, outcome: "passed", messageEqual: true }
        : { ...place, outcome: "failed", difference: problem, expected: "", got: problem, request: "" },
    );
  }
  return results;
}
