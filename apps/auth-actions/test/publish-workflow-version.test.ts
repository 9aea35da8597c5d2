import { randomUUID } from "node:crypto";
import type { TestWorkflow } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { holdRow, waitForWaiters } from "./held-rows.ts";
import { test } from "./service.ts";

const ECHO = { steps: [{ key: "hi", action: "core.echo", input: { a: 1 } }] };
const REPOSITORY = { owner: "acme", repo: "orders" };
/** Refers to a step that does not exist. */
const BROKEN = { steps: [{ key: "hi", action: "core.echo", input: { $ref: "/steps/nobody/output" } }] };

describe("publishWorkflowVersion", () => {
  test.for(["owner", "admin", "builder"] as const)(
    "a %s makes the draft the latest version",
    async (role, { db, world, actions }) => {
      const acme = await world.tenant();
      const user = await acme.user(role);
      const workflow = await acme.workflow(ECHO);
      const draft = await workflow.draft(ECHO);

      const output = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id });

      expect(output).toEqual({
        workflowVersionId: draft.id,
        version: 2,
        isLatest: true,
        publishedAt: expect.any(String),
        previousVersion: 1,
        problems: [],
      });
      const { rows } = await db.pool.query(
        "select version, is_latest, published_by, published_at is not null as published from workflow_versions where workflow_id = $1 order by version",
        [workflow.id],
      );
      expect(rows).toEqual([
        { version: 1, is_latest: false, published_by: null, published: true },
        { version: 2, is_latest: true, published_by: user.id, published: true },
      ]);
      const trail = (await acme.audit()).filter(({ action }) => action === "workflow_version.published");
      expect(trail.at(-1)).toMatchObject({ actorId: user.id, targetId: draft.id });
      // The version that was latest before gave way to another: nobody unpublished the workflow.
      expect((await acme.audit()).filter(({ action }) => action === "workflow_version.unpublished")).toEqual([]);
    },
  );

  test("publishing the latest again changes nothing", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    const before = (await acme.audit()).length;

    const output = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, version: 1 });

    expect(output).toMatchObject({ workflowVersionId: workflow.version.id, version: 1, isLatest: true });
    expect((await acme.audit()).length).toBe(before);
  });

  test("an older number becomes the latest again and keeps its first publication", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    const publishedAt = async () =>
      (
        await db.pool.query<{ at: Date }>("select published_at as at from workflow_versions where id = $1", [
          workflow.version.id,
        ])
      ).rows[0]?.at;
    const first = await publishedAt();
    await workflow.publish(ECHO);

    const output = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, version: 1 });

    expect(output).toMatchObject({ version: 1, isLatest: true, previousVersion: 2 });
    expect(await publishedAt()).toEqual(first);
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("a definition with problems is refused with their places and stays a draft", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(BROKEN);

    const reply = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    const dry = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, dryRun: true });

    expect(reply).toBeRefused("VALIDATION_FAILED");
    const problem = {
      pointer: expect.stringMatching(/^\/steps\/0\//),
      code: expect.any(String),
      message: expect.any(String),
    };
    expect(reply).toMatchObject({ status: 422, extensions: { problems: [problem] } });
    expect(dry).toMatchObject({ isLatest: false, publishedAt: null, problems: [problem] });
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("a dry run of a good draft finds nothing and writes nothing", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);

    const output = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, dryRun: true });

    expect(output).toMatchObject({ version: 2, isLatest: false, problems: [] });
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("an action or connection of another tenant is a problem like one that does not exist", async ({
    world,
    actions,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const user = await acme.user("builder");
    const foreignApp = await globex.app({ actions: [{ key: "ping" }], published: true });
    const workflow = await acme.workflow(ECHO);
    await workflow.draft({ steps: [{ key: "hi", actionId: foreignApp.actions[0]?.id ?? "" }] });
    const foreign = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    const other = await acme.workflow(ECHO);
    await other.draft({ steps: [{ key: "hi", actionId: randomUUID() }] });
    const unknown = await actions.call(publishWorkflowVersion, user, { workflowId: other.id });

    const codes = [foreign, unknown].map((reply) =>
      reply.outcome === "refused" ? JSON.stringify(reply.extensions.problems).replaceAll(/[0-9a-f-]{36}/g, "ID") : "",
    );
    expect(foreign).toBeRefused("VALIDATION_FAILED");
    expect(codes[0]).toBe(codes[1]);
  });

  test("what the caller expected to be latest must be", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);
    const publish = (expectedLatestVersion: number) =>
      actions.call(publishWorkflowVersion, user, { workflowId: workflow.id, expectedLatestVersion });

    expect(await publish(0)).toBeRefused("PUBLISH_CONFLICT");
    expect(await publish(1)).toMatchObject({ outcome: "done", output: { version: 2 } });
    expect(await publish(1)).toBeRefused("PUBLISH_CONFLICT");
  });

  test("ten at once publish once; the others learn of it or see it done", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);

    const replies = await Promise.all(
      Array.from({ length: 10 }, () => actions.call(publishWorkflowVersion, user, { workflowId: workflow.id })),
    );

    const refusals = replies.flatMap((reply) => (reply.outcome === "refused" ? [reply.code] : []));
    // Who waited for the winner sees the change; who came after it finds no draft.
    expect(["PUBLISH_CONFLICT", "NOT_FOUND"]).toEqual(expect.arrayContaining([...new Set(refusals)]));
    expect(refusals.length).toBe(9);
    expect(await latestOf(db.pool, workflow)).toEqual([2]);
    const published = (await acme.audit()).filter(
      ({ action, actorId }) => action === "workflow_version.published" && actorId === user.id,
    );
    expect(published).toHaveLength(1);
  });

  test("of two publishers who read the same draft one wins and the other learns of it", async ({
    db,
    world,
    actions,
  }) => {
    const acme = await world.tenant();
    const [ann, bob] = [await acme.user("builder"), await acme.user("builder")];
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);
    const release = await holdRow(db.pool, "workflows", workflow.id);
    const publishing = [ann, bob].map((user) =>
      actions.call(publishWorkflowVersion, user, { workflowId: workflow.id }),
    );
    await waitForWaiters(db.pool, 2);

    await release();
    const replies = await Promise.all(publishing);

    expect(replies.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
    expect(replies.find(({ outcome }) => outcome === "refused")).toBeRefused("PUBLISH_CONFLICT");
    expect(await latestOf(db.pool, workflow)).toEqual([2]);
  });

  test("a draft that is saved while its publisher waits is not published unread", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    const draft = await workflow.draft(ECHO);
    const release = await holdRow(db.pool, "workflows", workflow.id);
    const publishing = actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    await waitForWaiters(db.pool, 1);

    await db.pool.query("update workflow_versions set definition = '{}' where id = $1", [draft.id]);
    await release();

    expect(await publishing).toBeRefused("PUBLISH_CONFLICT");
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("a draft that is saved does not stand in the way of going back to a published number", async ({
    db,
    world,
    actions,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.publish(ECHO);
    const draft = await workflow.draft(ECHO);
    const release = await holdRow(db.pool, "workflows", workflow.id);
    const publishing = actions.call(publishWorkflowVersion, user, { workflowId: workflow.id, version: 1 });
    await waitForWaiters(db.pool, 1);

    await db.pool.query("update workflow_versions set definition = '{}' where id = $1", [draft.id]);
    await release();

    expect(await publishing).toMatchObject({ outcome: "done", output: { version: 1, previousVersion: 2 } });
  });

  test("a connection that goes while a version with it is published is found missing", async ({
    db,
    world,
    actions,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const connection = await acme.connection();
    const workflow = await acme.workflow(ECHO);
    await workflow.draft({
      steps: [{ key: "hi", action: "github.get_repository", connectionId: connection.id, input: REPOSITORY }],
    });
    const release = await holdRow(db.pool, "connections", connection.id, "delete from connections where id = $1");
    const publishing = actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    await waitForWaiters(db.pool, 1);

    await release();

    expect(await publishing).toMatchObject({
      code: "VALIDATION_FAILED",
      extensions: { problems: [{ code: "CONNECTION_UNKNOWN", pointer: "/steps/0/connectionId" }] },
    });
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("what connects a step to its action is judged by the tenant's own rows", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const user = await acme.user("builder");
    const draftApp = await acme.app({ actions: [{ key: "ping" }], published: false });
    const [own, foreign] = [await acme.connection(), await globex.connection()];
    const step = { action: "github.get_repository", input: REPOSITORY };
    const workflow = await acme.workflow(ECHO);
    await workflow.draft({
      steps: [
        { key: "a", actionId: draftApp.actions[0]?.id ?? "" },
        { key: "b", ...step },
        { key: "c", ...step, connectionId: foreign.id },
        { key: "d", action: "slack.post_message", connectionId: own.id, input: { channel: "#a", text: "b" } },
        { key: "e", action: "core.echo", connectionId: own.id },
        { key: "f", ...step, connectionId: own.id },
      ],
    });

    const output = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, dryRun: true });

    expect(output.problems.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      "ACTION_NOT_PUBLISHED /steps/0/actionId",
      "CONNECTION_MISSING /steps/1/connectionId",
      "CONNECTION_UNKNOWN /steps/2/connectionId",
      "CONNECTION_WRONG_APP /steps/3/connectionId",
      "CONNECTION_NOT_ALLOWED /steps/4/connectionId",
    ]);
  });

  test("without a draft, and of an archived workflow, nothing is published", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);

    const noDraft = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    const noNumber = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id, version: 9 });
    await workflow.draft(ECHO);
    await db.pool.query("update workflows set archived_at = now() where id = $1", [workflow.id]);
    const archived = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });

    expect(noDraft).toBeRefused("NOT_FOUND");
    expect(noNumber).toBeRefused("NOT_FOUND");
    expect(archived).toBeRefused("CONFLICT");
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("another tenant's workflow does not exist", async ({ db, world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const stranger = await globex.user("owner");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);

    const foreign = await actions.call(publishWorkflowVersion, stranger, { workflowId: workflow.id });
    const unknown = await actions.call(publishWorkflowVersion, stranger, { workflowId: randomUUID() });

    expect(foreign).toBeRefused("NOT_FOUND");
    expect(unknown).toMatchObject({ code: "NOT_FOUND", message: foreign.outcome === "refused" ? foreign.message : "" });
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test("a token outlives neither the membership nor the role it was made for", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    await acme.user("owner");
    const user = await acme.user("builder");
    const workflow = await acme.workflow(ECHO);
    await workflow.draft(ECHO);
    const call = () => actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });

    await db.pool.query("update memberships set role = 'viewer' where id = $1", [user.membershipId]);
    const demoted = await call();
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      user.membershipId,
    ]);
    const removed = await call();

    expect(demoted).toBeRefused("FORBIDDEN");
    expect(removed).toBeRefused("FORBIDDEN");
    expect(await latestOf(db.pool, workflow)).toEqual([1]);
  });

  test.for([
    ["no id", {}],
    ["an id that is none", { workflowId: "1" }],
    ["version 0", { workflowId: randomUUID(), version: 0 }],
    ["a fraction", { workflowId: randomUUID(), version: 1.5 }],
    ["an unknown key", { workflowId: randomUUID(), force: true }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    expect(await actions.call(publishWorkflowVersion, user, input)).toBeRefused("BAD_INPUT");
  });

  test("a call without Hasura's secret, or without a session, is refused", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const input = { workflowId: randomUUID() };

    expect(await actions.call(publishWorkflowVersion, user, input, { secret: null })).toBeRefused("UNAUTHENTICATED");
    expect(await actions.call(publishWorkflowVersion, "anonymous", input)).toBeRefused("FORBIDDEN");
    expect(
      await actions.call(publishWorkflowVersion, user, input, { session: { "x-hasura-role": "admin" } }),
    ).toBeRefused("FORBIDDEN");
  });
});

/** Numbers that are the latest, in the database. */
async function latestOf(
  pool: { query(text: string, values: unknown[]): Promise<{ rows: { version: number }[] }> },
  workflow: TestWorkflow,
): Promise<number[]> {
  const { rows } = await pool.query("select version from workflow_versions where workflow_id = $1 and is_latest", [
    workflow.id,
  ]);
  return rows.map(({ version }) => version);
}
