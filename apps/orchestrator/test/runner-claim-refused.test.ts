import { randomUUID } from "node:crypto";
import { describe, expect } from "vitest";
import { test } from "./acme.ts";
import { claimRequest, queuedRun } from "./claimable-run.ts";
import { callRunner, OTHER_RUNNER_TOKEN, RUNNER_TOKEN } from "./service.ts";
import { stateOf } from "./stored-state.ts";

describe("is refused", () => {
  for (const status of ["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) {
    test(`a ${status} run is nobody's to claim and does not change`, async ({ service, acme }) => {
      const run = await acme.workflow.run({ status });
      const before = await stateOf(run);

      const reply = await callRunner(service, run.id, "claim", RUNNER_TOKEN, claimRequest);

      expect([reply.status, reply.code]).toEqual([409, "STALE_ATTEMPT"]);
      expect(await stateOf(run)).toEqual(before);
    });
  }

  test("the second of two claims is stale and leaves the first its lease", async ({ service, acme, runner }) => {
    const run = await queuedRun(acme.workflow);
    const attempt = await runner.claim(run.id);
    const before = await stateOf(run);

    const reply = await callRunner(service, run.id, "claim", RUNNER_TOKEN, { ...claimRequest, runnerId: "runner-8" });

    expect([reply.status, reply.code]).toEqual([409, "STALE_ATTEMPT"]);
    expect(await stateOf(run)).toEqual(before);
    expect(await attempt.heartbeat()).toMatchObject({ outcome: "accepted" });
  });

  test("of many claims at once one gets the run", async ({ service, acme }) => {
    const run = await queuedRun(acme.workflow);

    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        callRunner(service, run.id, "claim", RUNNER_TOKEN, { ...claimRequest, runnerId: `runner-${index}` }),
      ),
    );

    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    expect(await run.steps()).toHaveLength(1);
    const winner = replies.findIndex(({ status }) => status === 200);
    expect((await run.row()).runnerId).toBe(`runner-${winner}`);
  });

  test("another attempt, an unknown run and an id that is none are all stale, in the same words", async ({
    service,
    acme,
  }) => {
    const run = await queuedRun(acme.workflow);
    const claim = (runId: string, attempt: number) =>
      callRunner(service, runId, "claim", RUNNER_TOKEN, { ...claimRequest, attempt });

    const replies = [
      await claim(run.id, 2),
      await claim(run.id, 2_147_483_648),
      await claim(randomUUID(), 1),
      await claim("7", 1),
      await claim("%00", 1),
    ];

    expect(new Set(replies.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(["409 STALE_ATTEMPT"]));
    expect(new Set(replies.map(({ text }) => text.replace(/"requestId":"[^"]*"/, ""))).size).toBe(1);
    expect((await run.row()).status).toBe("QUEUED");
  });

  test("nobody, a wrong token, a lease token and a JWT do not open it, before the body is read", async ({
    service,
    acme,
    runner,
  }) => {
    const held = await runner.claim((await queuedRun(acme.workflow)).id);
    const run = await queuedRun(acme.workflow);
    const tokens = [
      undefined,
      "",
      "the-token-of-some-runners",
      RUNNER_TOKEN.slice(0, -1),
      `${RUNNER_TOKEN}x`,
      `${RUNNER_TOKEN}, ${OTHER_RUNNER_TOKEN}`,
      held.claim.leaseToken,
      "eyJhbGciOiJub25lIn0.eyJzdWIiOiJydW5uZXIifQ.",
    ];

    const replies = [];
    for (const token of tokens) replies.push(await callRunner(service, run.id, "claim", token, "{ this is no json"));
    const basic = await service.server.inject({
      method: "POST",
      url: `/runner/v1/runs/${run.id}/claim`,
      headers: { authorization: `Basic ${RUNNER_TOKEN}` },
      payload: claimRequest,
    });

    for (const { status, code } of replies) expect([status, code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(basic.statusCode).toBe(401);
    expect((await run.row()).status).toBe("QUEUED");
  });

  test("a body that does not fit is bad input", async ({ service, acme }) => {
    const run = await queuedRun(acme.workflow);
    const bodies = [
      "",
      "{",
      null,
      [],
      {},
      { ...claimRequest, contractVersion: 2 },
      { ...claimRequest, contractVersion: "1" },
      { ...claimRequest, attempt: 0 },
      { ...claimRequest, attempt: 1.5 },
      { ...claimRequest, attempt: "1" },
      { ...claimRequest, runnerId: "" },
      { ...claimRequest, runnerId: "r".repeat(201) },
      { ...claimRequest, runnerId: "r\u0000" },
      { ...claimRequest, runnerId: "\ud83d" },
    ];

    const replies = [];
    for (const body of bodies) replies.push(await callRunner(service, run.id, "claim", RUNNER_TOKEN, body));

    for (const { status, code } of replies) expect([status, code]).toEqual([400, "BAD_INPUT"]);
    expect((await run.row()).status).toBe("QUEUED");
  });

  test("a body of more than 1 MiB is too large, another content type is not understood", async ({ service, acme }) => {
    const run = await queuedRun(acme.workflow);
    const big = { ...claimRequest, padding: "x".repeat(1_048_576) };

    const [large, text] = [
      await callRunner(service, run.id, "claim", RUNNER_TOKEN, big),
      await service.server.inject({
        method: "POST",
        url: `/runner/v1/runs/${run.id}/claim`,
        headers: { authorization: `Bearer ${RUNNER_TOKEN}`, "content-type": "text/xml" },
        payload: "<claim/>",
      }),
    ];

    expect([large.status, large.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(text.statusCode).toBe(415);
    expect(text.json()).toMatchObject({ extensions: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect((await run.row()).status).toBe("QUEUED");
  });
});
