import { addViewer, expectData } from "@control-plane/local-stack";
import { type Client, createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import {
  type Account,
  type ControlPlane,
  login,
  publishWorkflow,
  registerTenant,
  startControlPlane,
} from "./control-plane.ts";

const PROGRESS = `subscription {
  workflow_runs(order_by: {created_at: desc}, limit: 1) {
    status
    steps: step_runs(order_by: {position: asc}) { step_key status }
  }
}`;
const progressSchema = z.object({
  data: z.object({
    workflow_runs: z.array(
      z.object({ status: z.string(), steps: z.array(z.object({ step_key: z.string(), status: z.string() })) }),
    ),
  }),
});
type Progress = z.infer<typeof progressSchema>["data"]["workflow_runs"];

/** Order in which a run that nobody stops may be seen; a poll may miss some of them. */
const WAY_OF_A_RUN = ["PENDING", "QUEUED", "RUNNING", "SUCCEEDED"];

describe("a run watched live", () => {
  let plane: ControlPlane;
  let acme: Account;
  let globex: Account;
  let viewer: string;
  const clients: Client[] = [];

  beforeAll(async () => {
    plane = await startControlPlane();
    acme = await registerTenant(plane, "acme");
    globex = await registerTenant(plane, "globex");
    viewer = await login(plane, await addViewer(plane.databaseUrl, acme.tenantId));
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.dispose()));
    await plane?.close();
  });

  /** With the protocol's reference client, as a front end has it. */
  function watch(token: string): { seen: Progress[]; failures: unknown[] } {
    const client = createClient({
      url: `${plane.hasuraUrl.replace(/^http/, "ws")}/v1/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { headers: { authorization: `Bearer ${token}` } },
      retryAttempts: 0,
    });
    clients.push(client);
    const seen: Progress[] = [];
    const failures: unknown[] = [];
    client.subscribe(
      { query: PROGRESS },
      {
        next: (answer) => seen.push(progressSchema.parse(answer).data.workflow_runs),
        error: (error) => failures.push(error),
        complete: () => {},
      },
    );
    return { seen, failures };
  }

  test("the viewer sees it move to its end, the other tenant sees nothing of it", async () => {
    const { workflowId } = await publishWorkflow(plane, acme.token, [
      { key: "first", action: "sleep", input: { seconds: 3 } },
      { key: "second", action: "echo", dependsOn: ["first"] },
    ]);
    const mine = watch(viewer);
    const theirs = watch(globex.token);
    await expect.poll(() => [mine.seen.length, theirs.seen.length], { timeout: 10_000 }).toEqual([1, 1]);

    expectData(
      z.object({ runWorkflow: z.object({ runId: z.uuid() }) }),
      await plane.graphql(
        "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }",
        { w: workflowId },
        acme.token,
      ),
    );

    await expect
      .poll(() => mine.seen.at(-1), { timeout: 30_000 })
      .toEqual([
        {
          status: "SUCCEEDED",
          steps: [
            { step_key: "first", status: "SUCCEEDED" },
            { step_key: "second", status: "SUCCEEDED" },
          ],
        },
      ]);
    const statuses = mine.seen.flatMap(([run]) => (run === undefined ? [] : [run.status]));
    const places = statuses.map((status) => WAY_OF_A_RUN.indexOf(status));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(mine.seen).toContainEqual([
      {
        status: "RUNNING",
        steps: [expect.objectContaining({ step_key: "first", status: "RUNNING" }), expect.anything()],
      },
    ]);
    expect(theirs.seen).toEqual([[]]);
    expect([...mine.failures, ...theirs.failures]).toEqual([]);
  });

  test("a token that does not verify opens no subscription", async () => {
    const { seen, failures } = watch(`${viewer.slice(0, -8)}AAAAAAAA`);

    await expect.poll(() => failures.length, { timeout: 10_000 }).toBe(1);

    expect(seen).toEqual([]);
  });
});
