import { randomUUID } from "node:crypto";
import { readRouteCells } from "@control-plane/local-stack";
import { HASURA_ROLES } from "@control-plane/service-kit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { fuzzServices } from "../fuzz/fuzz-services.ts";
import { RUNS_ELSEWHERE } from "./control-plane.ts";
import { actionCall, idArguments, sampleArguments } from "./tenancy/action-samples.ts";
import { askTable, callActions, nothingOf } from "./tenancy/former-members.ts";
import { GRANTED } from "./tenancy/granted-cells.ts";
import { hiddenUses } from "./tenancy/hidden-columns.ts";
import { type Callers, findWrongCells, openCallers } from "./tenancy/http-routes.ts";
import { FIELDS, KINDS, probe } from "./tenancy/root-fields.ts";
import { openStage, type Stage } from "./tenancy/stage.ts";
import { ROLES, readTracked } from "./tenancy/tracked-tables.ts";

const tracked = await readTracked();
const FUZZ = { seed: 2_026, operations: 5 };

const LOG_FIELDS = {
  getRunLogs: { argument: "workflowRunId", table: "workflow_runs" },
  getStepLogs: { argument: "stepRunId", table: "step_runs" },
} as const;

const logsOf = (field: keyof typeof LOG_FIELDS): string =>
  `query($id: ID!) { ${field}(${LOG_FIELDS[field].argument}: $id) { lines { message } startCursor endCursor hasMore error } }`;

function absentField(name: string, type: string): { code: string; message: string } {
  return { code: "validation-failed", message: `field '${name}' not found in type: '${type}'` };
}

describe("two mirrored tenants", () => {
  let stage: Stage;
  let foreignBefore: string[];

  beforeAll(async () => {
    stage = await openStage(tracked.tables);
    foreignBefore = await stage.foreignRows();
  });
  afterEach(async () => {
    expect(await stage.foreignRows()).toEqual(foreignBefore);
  });
  afterAll(async () => stage?.close());

  test.each(tracked.tables)("both have rows in $name, the other's with its mark or ids", async ({ name }) => {
    const rows = await stage.theirRows(name);

    for (const role of HASURA_ROLES) {
      expect(rows.map(({ id }) => id)).toContain(stage.theirs.shown(name, role));
      expect(stage.mine.shown(name, role)).not.toBe(stage.theirs.shown(name, role));
    }
  });

  describe.each(ROLES)("%s", (role) => {
    for (const table of tracked.tables) {
      for (const kind of KINDS) {
        const { operation, name, granted } = FIELDS[kind];
        if (role !== "anonymous" && granted(table, role)) {
          test(`${table.name} ${kind}: own rows only`, async () => {
            await GRANTED[kind]({ stage, table, role });
          });
          continue;
        }
        test(`${table.name} ${kind}: no such field`, async () => {
          const ask = operation === "subscription" ? stage.first : stage.ask;

          const { refusal } = await ask(probe(kind, table.name), { token: stage.token(role) });

          expect(refusal).toEqual(
            operation === "subscription" && role === "anonymous"
              ? { code: "closed", message: expect.any(String) }
              : absentField(name(table.name), `${operation}_root`),
          );
        });
      }
    }
  });

  test.each(HASURA_ROLES)(
    "%s: no column but the granted ones is read, filtered, sorted by or written [CVE-2026-54698]",
    async (role) => {
      const uses = tracked.tables.flatMap((table) => hiddenUses(stage, table, role));

      const answers: unknown[] = [];
      for (const { document } of uses) answers.push((await stage.ask(document, { token: stage.token(role) })).refusal);

      expect(uses.length).toBeGreaterThan(0);
      expect(answers).toEqual(uses.map(({ message }) => ({ code: "validation-failed", message })));
    },
  );

  describe.each(HASURA_ROLES)("a former %s", (role) => {
    test.each([
      ["who was removed", "status = 'REMOVED', removed_at = now()"],
      ["who got another role", `role = '${role === "viewer" ? "builder" : "viewer"}'`],
    ])("%s sees and changes nothing from then on, though the token lives", async (_who, change) => {
      const { user, token } = await stage.newMember(role);
      const member = { stage, token, role, userId: user.id };
      const live = stage.watch("subscription { memberships { role } }", { token });
      await expect.poll(() => live.seen().length).toBe(1);

      await stage.plane.sql.query(`update memberships set ${change} where id = $1`, [user.membershipId]);

      const answers: [string, unknown][] = [];
      for (const table of tracked.tables) answers.push([table.name, await askTable(member, table)]);
      expect(answers).toEqual(tracked.tables.map((table) => [table.name, nothingOf(table, role)]));
      const codes = await callActions(member, tracked.actions);
      expect(codes).toEqual(Object.fromEntries(Object.keys(codes).map((name) => [name, "FORBIDDEN"])));
      const logs = await stage.ask(logsOf("getRunLogs"), {
        token,
        variables: { id: stage.mine.shown("workflow_runs", role) },
      });
      expect(logs.refusal?.code).toBe("FORBIDDEN");
      await expect
        .poll(() => live.seen().map(({ data }) => data))
        .toEqual([{ memberships: expect.arrayContaining([{ role: user.role }]) }, { memberships: [] }]);
      live.stop();
    });
  });

  describe.each(HASURA_ROLES)("x-hasura headers of a client beside the token of %s", (role) => {
    const asTheirOwner = (): Record<string, string> => ({
      "x-hasura-tenant-id": stage.theirs.tenant.id,
      "x-hasura-user-id": stage.theirs.users.owner.id,
      "x-hasura-role": role,
    });

    test("change no answer", async () => {
      const token = stage.token(role);
      for (const { name } of tracked.tables.filter(({ select }) => select.has(role))) {
        const document = `query($ids: [uuid!]!) { ${name}(where: {id: {_in: $ids}}) { id } }`;
        const variables = { ids: [stage.mine.shown(name, role), stage.theirs.shown(name, role)] };
        const plain = await stage.ask(document, { token, variables });

        const dressed = await stage.ask(document, { token, variables, headers: asTheirOwner() });

        expect(plain.data).toEqual({ [name]: [{ id: stage.mine.shown(name, role) }] });
        expect(dressed.body).toBe(plain.body);
      }
    });

    test("reach no action and no log line of the other tenant", async () => {
      const asked = { token: stage.token(role), headers: asTheirOwner() };
      // An action that names no object is about the caller's own tenant, whatever the headers say.
      const naming = tracked.actions.filter((action) => action.roles.has(role) && idArguments(action).length > 0);
      for (const action of naming) {
        const variables = sampleArguments(action, stage.theirs);
        const { refusal } = await stage.ask(actionCall(action, variables), { ...asked, variables });
        expect([action.name, refusal?.code]).toEqual([action.name, "NOT_FOUND"]);
      }
      const variables = { id: stage.theirs.shown("workflow_runs", role) };
      const logs = await stage.ask(logsOf("getRunLogs"), { ...asked, variables });
      expect(logs.data).toMatchObject({ getRunLogs: { lines: [] } });
    });

    test("give no role that the token does not hold", async () => {
      for (const other of ["admin", "runner", ...ROLES].filter((name) => name !== role)) {
        const { refusal } = await stage.ask("query { memberships { id } }", {
          token: stage.token(role),
          headers: { ...asTheirOwner(), "x-hasura-role": other },
        });

        expect(refusal).toEqual({
          code: "access-denied",
          message: "Your requested role is not in allowed roles",
        });
      }
    });
  });

  test.each(["admin", "runner", ...HASURA_ROLES])(
    "without a token the header x-hasura-role: %s gives nothing",
    async (role) => {
      const headers = {
        "x-hasura-role": role,
        "x-hasura-tenant-id": stage.theirs.tenant.id,
        "x-hasura-user-id": stage.theirs.users.owner.id,
      };
      for (const { name } of tracked.tables) {
        const reads = await stage.ask(probe("list", name), { headers });
        const writes = await stage.ask(probe("update", name), { headers });

        expect(reads.refusal).toEqual(absentField(name, "query_root"));
        expect(writes.refusal).toEqual(absentField(`update_${name}`, "mutation_root"));
      }
      for (const action of tracked.actions.filter(({ roles }) => !roles.has("anonymous"))) {
        const { refusal } = await stage.ask(`${action.type} { ${action.name} { __typename } }`, { headers });

        expect(refusal).toEqual(absentField(action.name, `${action.type}_root`));
      }
    },
  );

  describe.each(tracked.actions)("action $name", (action) => {
    for (const role of ROLES) {
      if (!action.roles.has(role)) {
        test(`is no field for ${role}`, async () => {
          const { refusal } = await stage.ask(`${action.type} { ${action.name} { __typename } }`, {
            token: stage.token(role),
          });

          expect(refusal).toEqual(absentField(action.name, `${action.type}_root`));
        });
        continue;
      }
      test(`works for ${role}`, async () => {
        // What the action ends is nobody else's: a member of his own, rows of his own.
        const member = role === "anonymous" ? undefined : await stage.newMember(role);
        const drafts = await stage.newDrafts(member?.user.email);
        const variables = sampleArguments(action, { ...stage.mine, drafts });

        const reply = await stage.ask(actionCall(action, variables), { token: member?.token, variables });

        expect(reply).toMatchObject({ refusal: undefined, data: { [action.name]: expect.anything() } });
      });
      if (idArguments(action).length === 0) continue;
      test(`finds for ${role} nothing by the other tenant's ids [GHSA-jmmj-93rg-6j39]`, async () => {
        const theirs = sampleArguments(action, stage.theirs);
        const unknown = { ...theirs, ...Object.fromEntries(idArguments(action).map((name) => [name, randomUUID()])) };
        const token = stage.token(role);

        const foreign = await stage.ask(actionCall(action, theirs), { token, variables: theirs });
        const absent = await stage.ask(actionCall(action, unknown), { token, variables: unknown });

        expect(foreign.refusal?.code).toBe("NOT_FOUND");
        expect(foreign.body).toBe(absent.body);
      });
    }
  });

  // The secrets of what runs elsewhere are not known.
  describe.skipIf(RUNS_ELSEWHERE)("over HTTP", () => {
    const cells = Map.groupBy(readRouteCells(), ({ service }) => service);
    let callers: Callers;

    beforeAll(async () => {
      callers = await openCallers(stage);
    });

    test.each([...cells])(
      "each route of %s opens to whom the permissions say, and to nobody else",
      async (_service, all) => {
        expect(all.filter(({ opens }) => opens).length).toBeGreaterThan(0);
        expect(await findWrongCells(stage, callers, all)).toEqual([]);
      },
    );
  });

  test("a tenant's slug opens no way in for somebody who is no member of it", async () => {
    const { email, password } = stage.mine.users.owner;
    const logIn = (tenantSlug: string) =>
      stage.ask(
        `mutation($email: String!, $password: String!, $tenantSlug: String) {
           login(email: $email, password: $password, tenantSlug: $tenantSlug) { tenantId }
         }`,
        { variables: { email, password, tenantSlug } },
      );

    const foreign = await logIn(stage.theirs.tenant.slug);
    const absent = await logIn("nobody-has-this-slug");

    expect(foreign.refusal).toBeDefined();
    expect(foreign.body).toBe(absent.body);
  });

  test("a definition that names the other tenant's action and connection has the problems of one that names none", async () => {
    const token = stage.token("builder");
    const validate = async (actionId: string, connectionId: string) => {
      const step = { key: "one", actionId, connectionId, input: {} };
      const variables = {
        id: (await stage.newDrafts()).get("workflow_versions"),
        set: { definition: { schemaVersion: 1, steps: [step] } },
      };
      const saved = z.object({ saved: z.object({ workflow_id: z.uuid() }) }).parse(
        (
          await stage.ask(
            `mutation($id: uuid!, $set: workflow_versions_set_input!) {
               saved: update_workflow_versions_by_pk(pk_columns: {id: $id}, _set: $set) { workflow_id }
             }`,
            { token, variables },
          )
        ).data,
      ).saved;
      return stage.ask(
        "mutation($id: uuid!) { publishWorkflowVersion(workflowId: $id, dryRun: true) { problems { pointer code message } } }",
        { token, variables: { id: saved.workflow_id } },
      );
    };
    const echo = await stage.ask('query { actions(where: {key: {_eq: "get_repository"}}) { id } }', { token });
    const [known] = z.object({ actions: z.array(z.object({ id: z.uuid() })).length(1) }).parse(echo.data).actions;

    const foreign = await Promise.all([
      validate(stage.theirs.shown("actions", "builder"), stage.theirs.shown("connections", "builder")),
      validate(known?.id ?? "", stage.theirs.shown("connections", "builder")),
    ]);
    const absent = await Promise.all([validate(randomUUID(), randomUUID()), validate(known?.id ?? "", randomUUID())]);

    expect(foreign.map(({ data }) => data)).toEqual([
      {
        publishWorkflowVersion: {
          problems: expect.arrayContaining([expect.objectContaining({ code: "ACTION_UNKNOWN" })]),
        },
      },
      {
        publishWorkflowVersion: {
          problems: expect.arrayContaining([expect.objectContaining({ code: "CONNECTION_UNKNOWN" })]),
        },
      },
    ]);
    expect(foreign.map(({ body }) => body)).toEqual(absent.map(({ body }) => body));
  });

  describe.each(["getRunLogs", "getStepLogs"] as const)("%s", (field) => {
    const { argument, table } = LOG_FIELDS[field];

    test.each(HASURA_ROLES)("gives %s the own lines, and an empty page for the other tenant's", async (role) => {
      const ask = (id: string) => stage.ask(logsOf(field), { token: stage.token(role), variables: { id } });

      const own = await ask(stage.mine.shown(table, role));
      const foreign = await ask(stage.theirs.shown(table, role));
      const absent = await ask(randomUUID());

      expect(own.data).toMatchObject({ [field]: { lines: [{ message: stage.mine.mark }], error: null } });
      expect(foreign.data).toMatchObject({ [field]: { lines: [], hasMore: false, error: null } });
      expect(foreign.body).toBe(absent.body);
    });

    test.each(HASURA_ROLES)("gives %s the same beside the rows as their field logs", async (role) => {
      const { data } = await stage.ask(
        `query($ids: [uuid!]!) { rows: ${table}(where: {id: {_in: $ids}}) { logs { lines { message } error } } }`,
        {
          token: stage.token(role),
          variables: { ids: [stage.mine.shown(table, role), stage.theirs.shown(table, role)] },
        },
      );

      expect(data).toEqual({ rows: [{ logs: { lines: [{ message: stage.mine.mark }], error: null } }] });
    });

    test.each(HASURA_ROLES)("lets %s name no tenant", async (role) => {
      const { refusal } = await stage.ask(
        `query($id: ID!) { ${field}(tenantId: "${stage.theirs.tenant.id}", ${argument}: $id) { lines { message } } }`,
        { token: stage.token(role), variables: { id: stage.theirs.shown(table, role) } },
      );

      expect(refusal).toEqual({
        code: "validation-failed",
        message: `'${field}' has no argument named 'tenantId'`,
      });
    });

    test("is no field for anonymous", async () => {
      const { refusal } = await stage.ask(logsOf(field), { variables: { id: stage.mine.shown(table, "owner") } });

      expect(refusal).toEqual(absentField(field, "query_root"));
    });
  });

  // The last: what they do to the own tenant would be in the way of the tests before.
  describe("random actions, log lines and streams", () => {
    // The role that may do most; the command goes through all of them.
    test("of an owner neither see nor touch the other tenant", async () => {
      expect(await fuzzServices({ stage, ...tracked, role: "owner", ...FUZZ })).toBeUndefined();
    });

    test("find it when the other tenant's is told from nobody's", async () => {
      const rows = await Promise.all(tracked.tables.map(({ name }) => stage.theirRows(name)));
      const ids = new Set(rows.flat().map(({ id }) => id));
      const ask: Stage["ask"] = async (document, asked) => {
        const reply = await stage.ask(document, asked);
        return Object.values(asked?.variables ?? {}).some((value) => ids.has(value)) ? { ...reply, body: "{}" } : reply;
      };

      const found = await fuzzServices({
        stage: { ...stage, ask },
        ...tracked,
        role: "builder",
        ...FUZZ,
        operations: 200,
      });

      expect(found?.what).toBe("the answer tells the other tenant's from nobody's");
    });
  });
});
