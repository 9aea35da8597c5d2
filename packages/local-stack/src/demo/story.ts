import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { connectionSteps } from "./connection-story.ts";
import {
  CORE_ACTIONS,
  COUNT_FOREIGN,
  CREATE_TRIGGER,
  CREATE_WORKFLOW,
  LATEST_RUN,
  PUBLISH,
  REGISTER,
  RUN_STATUS,
  RUN_WORKFLOW,
  SAVE_DRAFT,
} from "./documents.ts";
import { createGraphqlClient, expectData, expectRefusal, type GraphqlClient } from "./graphql-client.ts";
import { inviteViewer } from "./invite-viewer.ts";
import type { LocalApi } from "./local-api.ts";
import type { ReadMail } from "./read-mail.ts";
import { createSchedule } from "./schedule-step.ts";
import { postWebhook, signedWebhook, type WebhookReply } from "./webhook-sender.ts";

/** What one step of the demo tells: who called what, what came back, and what that shows. */
export type Telling = { who: string; call: string; answer: string; proves: string };
export type Step = { name: string; play(): Promise<Telling> };

export type StoryDeps = {
  hasuraUrl: string;
  readMail: ReadMail;
  /** False where no runner could be started: the story leaves out what needs a run. */
  hasRunner: boolean;
  /** False where there is no MongoDB: pages of logs then say LOGS_UNAVAILABLE. */
  hasLogs: boolean;
  /** An API on this machine that the services may call. */
  api: LocalApi;
};

/** What the story leaves behind for the closing lines of the terminal. */
export type Outcome = {
  email: string;
  password: string;
  accessToken: string;
  workflowId: string;
  webhookUrl: string;
  webhookSecret: string;
};

const accountSchema = z.object({
  registerUserAndTenant: z.object({ accessToken: z.string(), tenantId: z.uuid(), role: z.string() }),
});
const acceptedSchema = z.object({ deliveryId: z.uuid(), runId: z.uuid() });
const latestSchema = z.object({
  workflow_runs: z.array(
    z.object({
      id: z.uuid(),
      status: z.string(),
      steps: z.array(
        z.object({ step_key: z.string(), status: z.string(), logs: z.object({ lines: z.array(z.unknown()) }) }),
      ),
      logs: z.object({ lines: z.array(z.object({ message: z.string() })), error: z.string().nullable() }),
    }),
  ),
});

/** The main job, told in steps that share what came before. Names are made anew, so the demo can be played again and again. */
export function createStory(deps: StoryDeps): { steps: readonly Step[]; outcome(): Outcome } {
  const graphql = createGraphqlClient(deps.hasuraUrl);
  const tag = randomBytes(3).toString("hex");
  const known = {
    email: `ada.${tag}@example.com`,
    password: `correct horse ${tag} battery`,
    owner: "",
    viewer: "",
    workflowId: "",
    webhookUrl: "",
    secret: "",
    runId: "",
  };
  const ownerSteps: readonly Step[] = [
    { name: "register", play: () => register(graphql, known, `Acme ${tag}`) },
    { name: "create a workflow", play: () => createWorkflow(graphql, known, `Greet ${tag}`) },
    { name: "publish it", play: () => publish(graphql, known) },
    { name: "create a webhook", play: () => createTrigger(graphql, known) },
    { name: "send a signed webhook", play: () => sendSigned(known) },
    { name: "send a forged one", play: () => sendForged(known) },
  ];
  const runSteps: readonly Step[] = [
    { name: "the runner executes it", play: () => waitForRun(graphql, known) },
    { name: "invite a viewer", play: () => inviteVera(graphql, deps, known) },
    { name: "read run, steps and logs", play: () => readAsViewer(graphql, deps, known) },
    { name: "a viewer may not run it", play: () => viewerRefused(graphql, known) },
    { name: "another tenant sees nothing", play: () => strangerSeesNothing(graphql, deps, known, tag) },
  ];
  const schedule: Step = { name: "create a schedule", play: () => createSchedule(graphql, known.owner, tag) };
  return {
    steps: deps.hasRunner
      ? [...ownerSteps, ...runSteps, schedule, ...connectionSteps(graphql, deps.api, tag, () => known.owner)]
      : [...ownerSteps, schedule],
    outcome: () => ({
      email: known.email,
      password: known.password,
      accessToken: known.owner,
      workflowId: known.workflowId,
      webhookUrl: known.webhookUrl,
      webhookSecret: known.secret,
    }),
  };
}

type Known = {
  email: string;
  password: string;
  owner: string;
  viewer: string;
  workflowId: string;
  webhookUrl: string;
  secret: string;
  runId: string;
};

async function register(graphql: GraphqlClient, known: Known, tenantName: string): Promise<Telling> {
  const answer = await graphql(REGISTER, { email: known.email, password: known.password, name: "Ada", tenantName });
  const { accessToken, role } = expectData(accountSchema, answer).registerUserAndTenant;
  known.owner = accessToken;
  return {
    who: "a visitor",
    call: "Hasura: registerUserAndTenant",
    answer: `tenant “${tenantName}”, role ${role}, a signed token`,
    proves: "a Hasura action of auth-actions; the token carries user, tenant and role",
  };
}

async function createWorkflow(graphql: GraphqlClient, known: Known, name: string): Promise<Telling> {
  const actions = expectData(
    z.object({ actions: z.array(z.object({ id: z.uuid(), key: z.string() })) }),
    await graphql(CORE_ACTIONS, {}, known.owner),
  ).actions;
  const actionId = (key: string): string => actions.find((action) => action.key === key)?.id ?? "";
  const created = expectData(
    z.object({ insert_workflows_one: z.object({ id: z.uuid() }) }),
    await graphql(CREATE_WORKFLOW, { name }, known.owner),
  );
  known.workflowId = created.insert_workflows_one.id;
  const definition = {
    schemaVersion: 1,
    inputSchema: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
    steps: [
      { key: "greet", actionId: actionId("echo"), input: { text: { $text: ["Hello ", { $ref: "/input/name" }] } } },
      {
        key: "note",
        actionId: actionId("log"),
        dependsOn: ["greet"],
        input: { level: "INFO", message: { $ref: "/steps/greet/output/text" } },
      },
    ],
    output: { greeting: { $ref: "/steps/greet/output/text" } },
  };
  expectData(
    z.object({ insert_workflow_versions_one: z.object({ version: z.number() }) }),
    await graphql(SAVE_DRAFT, { workflowId: known.workflowId, definition }, known.owner),
  );
  return {
    who: "owner Ada",
    call: "Hasura: insert_workflows_one, insert_workflow_versions_one",
    answer: `“${name}” with a draft of two steps: core.echo, core.log`,
    proves: "plain tables through Hasura; tenant and author are preset, not sent",
  };
}

async function publish(graphql: GraphqlClient, known: Known): Promise<Telling> {
  const answer = expectData(
    z.object({ publishWorkflowVersion: z.object({ version: z.number(), isLatest: z.boolean() }) }),
    await graphql(PUBLISH, { workflowId: known.workflowId }, known.owner),
  ).publishWorkflowVersion;
  return {
    who: "owner Ada",
    call: "Hasura: publishWorkflowVersion",
    answer: `version ${answer.version} is the latest`,
    proves: "validated as a whole, then frozen: a published version never changes",
  };
}

async function createTrigger(graphql: GraphqlClient, known: Known): Promise<Telling> {
  const answer = expectData(
    z.object({ createWebhookTrigger: z.object({ webhookUrl: z.url(), secret: z.string() }) }),
    await graphql(CREATE_TRIGGER, { workflowId: known.workflowId, name: "orders" }, known.owner),
  ).createWebhookTrigger;
  known.webhookUrl = answer.webhookUrl;
  known.secret = answer.secret;
  return {
    who: "owner Ada",
    call: "Hasura: createWebhookTrigger",
    answer: answer.webhookUrl,
    proves: "the secret is shown once and stored encrypted under the tenant's key",
  };
}

async function sendSigned(known: Known): Promise<Telling> {
  const body = JSON.stringify({ name: "Grace" });
  const headers = signedWebhook(known.secret, body);
  const first = await postWebhook(known.webhookUrl, headers, body);
  const again = await postWebhook(known.webhookUrl, headers, body);
  const accepted = acceptedSchema.parse(expectStatus(first, 202).body);
  const repeated = acceptedSchema.parse(expectStatus(again, 200).body);
  if (repeated.runId !== accepted.runId) throw new Error("the repeated delivery made another run");
  known.runId = accepted.runId;
  return {
    who: "a webhook sender",
    call: "POST /hooks/…, twice with the same id",
    answer: `202 and one run; then 200 with the same run`,
    proves: "one accepted delivery is exactly one run, however often it is sent",
  };
}

async function sendForged(known: Known): Promise<Telling> {
  const body = JSON.stringify({ name: "Mallory" });
  const forged = await postWebhook(
    known.webhookUrl,
    signedWebhook(`whsec_${randomBytes(32).toString("base64")}`, body),
    body,
  );
  const unknown = await postWebhook(
    `${new URL(known.webhookUrl).origin}/hooks/${randomBytes(16).toString("base64url")}`,
    signedWebhook(known.secret, body),
    body,
  );
  expectStatus(forged, 401);
  expectStatus(unknown, 401);
  return {
    who: "an attacker",
    call: "POST /hooks/… with a wrong key; POST to an unknown path",
    answer: "401 and 401, the same answer",
    proves: "nothing unsigned gets in, and addresses cannot be told from guesses",
  };
}

function expectStatus(reply: WebhookReply, status: number): WebhookReply {
  if (reply.status !== status)
    throw new Error(`expected ${status}, got ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply;
}

async function waitForRun(graphql: GraphqlClient, known: Known): Promise<Telling> {
  const schema = z.object({ workflow_runs_by_pk: z.object({ status: z.string(), error: z.unknown() }) });
  const deadline = Date.now() + 30_000;
  for (;;) {
    const run = expectData(schema, await graphql(RUN_STATUS, { id: known.runId }, known.owner)).workflow_runs_by_pk;
    if (run.status === "SUCCEEDED") break;
    if (["FAILED", "CANCELLED", "TIMED_OUT"].includes(run.status))
      throw new Error(`the run ended ${run.status}: ${JSON.stringify(run.error)}`);
    if (Date.now() > deadline) throw new Error(`the run is still ${run.status} after 30 s`);
    await delay(100);
  }
  return {
    who: "the runner",
    call: "takes the job from Redis, claims the run over HTTP, reports its steps",
    answer: "SUCCEEDED",
    proves: "dispatch, lease, events and state machine work together",
  };
}

async function inviteVera(graphql: GraphqlClient, deps: StoryDeps, known: Known): Promise<Telling> {
  const vera = await inviteViewer(graphql, deps.readMail, known.owner);
  known.viewer = vera.token;
  return {
    who: "owner Ada, then Vera with the link of her mail",
    call: "Hasura: inviteUserToTenant, acceptInvitation",
    answer: `${vera.email} is a viewer, and signed in`,
    proves: "the token of an invitation is in its mail only; here mails are files in .local/mail",
  };
}

async function readAsViewer(graphql: GraphqlClient, deps: StoryDeps, known: Known): Promise<Telling> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const [run] = expectData(latestSchema, await graphql(LATEST_RUN, {}, known.viewer)).workflow_runs;
    if (run === undefined) throw new Error("the viewer sees no run");
    const steps = run.steps.map((step) => `${step.step_key} ${step.status}`).join(", ");
    const told = {
      who: "viewer Vera",
      call: "Hasura: one query over workflow_runs, step_runs and logs",
    };
    if (run.logs.error !== null && !deps.hasLogs) {
      return {
        ...told,
        answer: `${run.status}; ${steps}; logs: ${run.logs.error}`,
        proves: "with MongoDB away runs and steps are read all the same; log lines are left out on this machine",
      };
    }
    if (run.logs.error !== null) throw new Error(`logs: ${run.logs.error}`);
    const message = run.logs.lines.find((line) => line.message === "Hello Grace")?.message;
    if (message !== undefined) {
      return {
        ...told,
        answer: `${run.status}; ${steps}; log line “${message}”`,
        proves: "PostgreSQL and MongoDB in one answer, through the viewer's permissions",
      };
    }
    if (Date.now() > deadline) throw new Error(`no log line “Hello Grace” after 10 s: ${JSON.stringify(run)}`);
    await delay(200);
  }
}

async function viewerRefused(graphql: GraphqlClient, known: Known): Promise<Telling> {
  const refusal = expectRefusal(await graphql(RUN_WORKFLOW, { workflowId: known.workflowId }, known.viewer));
  return {
    who: "viewer",
    call: "Hasura: runWorkflow",
    answer: `${refusal.code}: ${refusal.message}`,
    proves: "for a viewer the mutation does not even exist",
  };
}

async function strangerSeesNothing(
  graphql: GraphqlClient,
  deps: StoryDeps,
  known: Known,
  tag: string,
): Promise<Telling> {
  const account = {
    email: `eve.${tag}@example.com`,
    password: known.password,
    name: "Eve",
    tenantName: `Globex ${tag}`,
  };
  const stranger = expectData(accountSchema, await graphql(REGISTER, account)).registerUserAndTenant;
  const answer = expectData(
    z.object({
      workflow_runs_by_pk: z.null(),
      workflows: z.tuple([]),
      getRunLogs: z.object({ lines: z.tuple([]), error: deps.hasLogs ? z.null() : z.string() }),
    }),
    await graphql(
      COUNT_FOREIGN.replace("RUN_ID", known.runId),
      { run: known.runId, workflow: known.workflowId },
      stranger.accessToken,
    ),
  );
  return {
    who: "Eve, owner of another tenant",
    call: "Hasura: the run, the workflow and the logs by their ids",
    answer: `run ${answer.workflow_runs_by_pk}, ${answer.workflows.length} workflows, ${answer.getRunLogs.lines.length} log lines`,
    proves: "what is not yours is not there, with the right ids too",
  };
}
