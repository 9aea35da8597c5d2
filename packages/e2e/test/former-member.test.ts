import { randomBytes } from "node:crypto";
import { expectData } from "@control-plane/local-stack";
import { type Client, createClient } from "graphql-ws";
import { describe, expect } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { type Account, type ControlPlane, publishWorkflow, registerTenant } from "./control-plane.ts";
import { test } from "./shared-plane.ts";

const payloadSchema = z.object({ accessToken: z.string(), refreshToken: z.string(), userId: z.uuid() });
const answerSchema = z.looseObject({ data: z.looseObject({ workflows: z.array(z.unknown()) }) });

/** Everything a member has got while he was one. */
type Member = z.infer<typeof payloadSchema> & { membershipId: string; key: string; boughtToken: string };

describe("somebody with everything that a builder can have", () => {
  let plane: ControlPlane;
  let acme: Account;
  let workflowId: string;
  const clients: Client[] = [];

  test.beforeAll(async ({ openSharedPlane }) => {
    plane = await openSharedPlane();
    acme = await registerTenant(plane, "acme");
    ({ workflowId } = await publishWorkflow(plane, acme.token, [{ key: "echo", action: "echo" }]));
  });
  test.afterAll(async () => {
    await Promise.all(clients.map((client) => client.dispose()));
  });

  async function call(
    path: string,
    body: object | undefined,
    token?: string,
  ): Promise<{ status: number; body: unknown }> {
    const reply = await fetch(`${plane.authUrl}${path}`, {
      method: "POST",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: await reply.json() };
  }

  /** By invitation and over HTTP, as people join; with an access key and a token bought with it. */
  async function join(): Promise<Member> {
    const email = `bea.${randomBytes(4).toString("hex")}@example.com`;
    const invite = 'mutation($email: String!) { inviteUserToTenant(email: $email, role: "builder") { invitationId } }';
    expectData(z.looseObject({}), await plane.graphql(invite, { email }, acme.token));
    const token = /#token=(inv_[\w-]+)/.exec(await plane.readMail(email))?.[1];
    const account = { token, name: "Bea", password: "a long password of Bea" };
    const payload = payloadSchema.parse((await call("/auth/invitations/accept", account)).body);
    const { memberships } = expectData(
      z.object({ memberships: z.tuple([z.object({ id: z.uuid() })]) }),
      await plane.graphql(
        "query($user: uuid!) { memberships(where: {user_id: {_eq: $user}}) { id } }",
        { user: payload.userId },
        acme.token,
      ),
    );
    const { createAccessKey } = expectData(
      z.object({ createAccessKey: z.object({ key: z.string() }) }),
      await plane.graphql('mutation { createAccessKey(name: "ci") { key } }', {}, payload.accessToken),
    );
    const bought = z
      .object({ accessToken: z.string() })
      .parse((await call("/auth/token", undefined, createAccessKey.key)).body);
    return { ...payload, membershipId: memberships[0].id, key: createAccessKey.key, boughtToken: bought.accessToken };
  }

  /** How many workflows each poll of a subscription found. */
  function watchWorkflows(token: string): number[] {
    const counts: number[] = [];
    const client = createClient({
      url: `${plane.hasuraUrl.replace(/^http/, "ws")}/v1/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { headers: { authorization: `Bearer ${token}` } },
      retryAttempts: 0,
    });
    clients.push(client);
    client.subscribe(
      { query: "subscription { workflows { id } }" },
      {
        next: (answer) => counts.push(answerSchema.parse(answer).data.workflows.length),
        error: () => undefined,
        complete: () => undefined,
      },
    );
    return counts;
  }

  /** What the tokens that are out still do, in a word each. */
  async function tryEverything({ accessToken, boughtToken }: Member): Promise<Record<string, unknown>> {
    const ask = async (document: string, token: string, variables = {}) => {
      const { data, refusals } = await plane.graphql(document, variables, token);
      return refusals[0]?.code ?? data;
    };
    const insert = "mutation($name: String!) { insert_workflows_one(object: {name: $name}) { __typename } }";
    const run = "mutation($id: uuid!) { runWorkflow(workflowId: $id) { __typename } }";
    return {
      query: await ask("{ workflows { __typename } }", accessToken),
      mutation: await ask(insert, accessToken, { name: randomBytes(4).toString("hex") }),
      action: await ask(run, accessToken, { id: workflowId }),
      directCall: (await call("/auth/logout-everywhere", {}, accessToken)).status,
      boughtWithKey: await ask("{ workflows { __typename } }", boughtToken),
    };
  }

  const NOTHING = {
    query: { workflows: [] },
    mutation: "permission-error",
    action: "FORBIDDEN",
    directCall: 403,
    boughtWithKey: { workflows: [] },
  };

  test("may do all of it while he is one", async () => {
    const member = await join();

    const done = await tryEverything(member);

    expect(done).toMatchObject({
      query: { workflows: expect.arrayContaining([{ __typename: "workflows" }]) },
      mutation: { insert_workflows_one: { __typename: "workflows" } },
      action: { runWorkflow: { __typename: "RunWorkflowOutput" } },
      directCall: 200,
    });
  });

  test("is shut out of everything by his removal, though his tokens live", async () => {
    const member = await join();
    const counts = watchWorkflows(member.accessToken);
    await expect.poll(() => counts.length).toBe(1);
    const remove = "mutation($id: uuid!) { removeMember(membershipId: $id) { ok } }";

    expectData(z.looseObject({}), await plane.graphql(remove, { id: member.membershipId }, acme.token));

    expect(await tryEverything(member)).toEqual(NOTHING);
    await expect.poll(() => counts.at(-1)).toBe(0);
    expect(await call("/auth/refresh", { refreshToken: member.refreshToken })).toMatchObject({ status: 401 });
    expect(await call("/auth/token", undefined, member.key)).toMatchObject({ status: 401 });
  });

  test("is shut out with the old role by his demotion, and comes back with the new one only", async () => {
    const member = await join();
    const counts = watchWorkflows(member.accessToken);
    await expect.poll(() => counts.length).toBe(1);
    const demote = 'mutation($id: uuid!) { changeMemberRole(membershipId: $id, role: "viewer") { role } }';

    expectData(z.looseObject({}), await plane.graphql(demote, { id: member.membershipId }, acme.token));

    expect(await tryEverything(member)).toEqual(NOTHING);
    await expect.poll(() => counts.at(-1)).toBe(0);
    expect(await call("/auth/refresh", { refreshToken: member.refreshToken })).toMatchObject({
      status: 200,
      body: { role: "viewer" },
    });
    expect(await call("/auth/token", undefined, member.key)).toMatchObject({ status: 200, body: { role: "viewer" } });
  });
});
