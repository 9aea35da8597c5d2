import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { z } from "zod";
import { type Account, type ControlPlane, publishWorkflow, registerTenant } from "./control-plane.ts";
import { test } from "./shared-plane.ts";

let plane: ControlPlane;
let owner: Account;

test.beforeAll(async ({ openSharedPlane }) => {
  plane = await openSharedPlane();
  owner = await registerTenant(plane, "acme");
});

type Request = { readonly name: string; readonly document: string; readonly variables: string };
type Known = Record<string, string>;

/** The requests of a page in their order: a document, and the JSON block behind it. */
function requestsOf(page: string): Request[] {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  return [...text.matchAll(/```graphql\n(.*?)```\n(?:\n```json\n(.*?)```)?/gs)].map(([, document = "", variables]) => ({
    name: /^\w+ (\w+)/.exec(document)?.[1] ?? "",
    document,
    variables: variables ?? "{}",
  }));
}

async function send({ document, variables }: Request, known: Known, token?: string): Promise<unknown> {
  const filled = variables.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) => known[name] ?? `no ${name} is known`);
  const { data, refusals } = await plane.graphql(document, JSON.parse(filled), token);
  expect(refusals).toEqual([]);
  return data;
}

test("the way of a workflow, as docs/workflows.md shows it", async () => {
  const known: Known = {};
  const answers: Record<string, unknown> = {};
  const requests = requestsOf("workflows.md");

  for (const request of requests) {
    answers[request.name] = await send(request, known, owner.token);
    if (request.name === "BuildingBlocks")
      for (const { id, key } of z
        .object({ actions: z.array(z.object({ id: z.uuid(), key: z.string() })) })
        .parse(answers.BuildingBlocks).actions)
        known[key] = id;
    if (request.name === "MakeWorkflow")
      known.workflowId = z
        .object({ insert_workflows_one: z.object({ id: z.uuid() }) })
        .parse(answers.MakeWorkflow).insert_workflows_one.id;
    if (request.name === "Run")
      known.runId = z.object({ runWorkflow: z.object({ runId: z.uuid() }) }).parse(answers.Run).runWorkflow.runId;
    if (request.name === "ReadRun")
      await expect
        .poll(() => send(request, known, owner.token), { timeout: 60_000, interval: 300 })
        .toMatchObject({
          workflow_runs_by_pk: {
            status: "SUCCEEDED",
            output: { said: "Order A-17 came by hand" },
            step_runs: expect.arrayContaining([
              expect.objectContaining({ step_key: "warn", status: "SUCCEEDED" }),
              expect.objectContaining({ step_key: "thank", status: "SKIPPED" }),
            ]),
            logs: { lines: expect.arrayContaining([expect.objectContaining({ message: "Order A-17 came by hand" })]) },
          },
        });
  }

  expect(answers).toMatchObject({
    Check: { publishWorkflowVersion: { version: 1, problems: [] } },
    Publish: { publishWorkflowVersion: { version: 1, isLatest: true, previousVersion: null } },
    PublishNext: { publishWorkflowVersion: { version: 2, previousVersion: 1 } },
    GoBack: { publishWorkflowVersion: { version: 1, isLatest: true, previousVersion: 2 } },
    Versions: {
      workflow_versions: [
        { version: 2, is_latest: false },
        { version: 1, is_latest: true },
      ],
    },
  });
});

test("a member comes, changes and goes, as docs/members.md shows it", async () => {
  const known: Known = {
    email: `vera.${randomBytes(4).toString("hex")}@example.com`,
    password: `a password of ${randomBytes(6).toString("hex")}`,
  };
  const answers: Record<string, unknown> = {};

  for (const request of requestsOf("members.md")) {
    answers[request.name] = await send(request, known, request.name === "Accept" ? undefined : owner.token);
    if (request.name === "Invite") {
      const mail = await plane.readMail(known.email ?? "");
      known.token = /#token=(\S+)/.exec(mail)?.[1] ?? "";
    }
    if (request.name === "Members")
      known.membershipId =
        z
          .object({ memberships: z.array(z.object({ id: z.uuid(), user: z.object({ email: z.string() }) })) })
          .parse(answers.Members)
          .memberships.find(({ user }) => user.email === known.email)?.id ?? "";
  }

  expect(answers).toMatchObject({
    Accept: { acceptInvitation: { role: "viewer", tenantId: owner.tenantId } },
    Members: { memberships: [{ role: "owner" }, { role: "viewer", user: { name: "Vera" } }] },
    ChangeRole: { changeMemberRole: { role: "builder" } },
    Remove: { removeMember: { ok: true } },
  });
});

const PAGE_FILES = ["codegen.ts", "src/session.ts", "src/client.ts", "src/main.ts", "src/runs.graphql"];
const run = promisify(execFile);

/** Uses the page's files as a program whose access token has run out. */
const RENEW = `
import { WorkflowsDocument } from "./api.ts";
import { connect } from "./client.ts";
import { signIn } from "./session.ts";

const { API_URL = "", AUTH_URL = "", EMAIL = "", PASSWORD = "" } = process.env;
const session = await signIn(AUTH_URL, EMAIL, PASSWORD);
const first = session.token();
const { client } = connect(API_URL, { ...session, isOld: () => session.token() === first });
const { data } = await client.query(WorkflowsDocument, {}).toPromise();
console.log(data?.workflows.length + " workflow with " + (session.token() === first ? "the same" : "another") + " token");
`;

/** The files that a page shows, each behind its name in backquotes. */
function filesOf(page: string): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  return new Map(
    PAGE_FILES.map((name) => {
      const behind = text.slice(text.indexOf(`\`${name}\``));
      return [name, /```\w+\n(.*?)```/s.exec(behind)?.[1] ?? ""];
    }),
  );
}

test("the typed client of docs/typed-client.md generates, fits its types, renews its token and watches a run", async () => {
  const account = await registerTenant(plane, "typed");
  await publishWorkflow(plane, account.token, [{ key: "greet", action: "echo", input: {} }]);
  // Inside the package, so that its dependencies are found.
  const folder = await mkdtemp(join(import.meta.dirname, "../.typed-client-"));
  try {
    await mkdir(join(folder, "src"));
    for (const [name, text] of filesOf("typed-client.md")) await writeFile(join(folder, name), text);
    await copyFile(
      join(import.meta.dirname, "../../../hasura/generated/owner.graphql"),
      join(folder, "schema.graphql"),
    );
    const compilerOptions = { strict: true, target: "es2023", module: "nodenext", noEmit: true };
    const more = { allowImportingTsExtensions: true, verbatimModuleSyntax: true, skipLibCheck: true, types: ["node"] };
    const settings = { compilerOptions: { ...compilerOptions, ...more }, include: ["src"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
    await writeFile(join(folder, "src/renew.ts"), RENEW);
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    const bin = (name: string) => join(import.meta.dirname, "../node_modules/.bin", name);
    await run(bin("graphql-codegen"), ["--config", "codegen.ts"], { cwd: folder });
    await run(bin("tsc"), ["--project", "."], { cwd: folder });
    const env = {
      PATH: process.env.PATH,
      API_URL: `${plane.hasuraUrl}/v1/graphql`,
      AUTH_URL: plane.authUrl,
      EMAIL: account.email,
      PASSWORD: account.password,
    };

    const { stdout } = await run(process.execPath, ["src/main.ts"], { cwd: folder, env, timeout: 60_000 });
    const renewed = await run(process.execPath, ["src/renew.ts"], { cwd: folder, env, timeout: 60_000 });

    expect(renewed.stdout).toBe("1 workflow with another token\n");
    expect(stdout).toMatch(/^starting /);
    expect(stdout).toContain("SUCCEEDED greet: SUCCEEDED");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
