import { generateKeyPairSync, sign } from "node:crypto";
import { newToken } from "@control-plane/crypto";
import { expect } from "vitest";
import { ACTION_SECRET, callRunner, EVENT_SECRET, RUNNER_TOKEN, test } from "./service.ts";

const text = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signed as an access token is; which key signed it is nothing that this service ever looks at. */
function accessToken(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signed = `${text({ alg: "RS256", typ: "at+jwt", kid: "k" })}.${text({ sub: "u", aud: "control-plane" })}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** One secret of each kind that opens something elsewhere. */
const ELSEWHERE = {
  "access token": accessToken(),
  "refresh token": newToken("rt_").token,
  "access key": newToken("ak_").token,
  "invitation token": newToken("inv_").token,
  "reset token": newToken("pwr_").token,
  "action secret": ACTION_SECRET,
  "event secret": EVENT_SECRET,
};

test("only a runner's token claims, and only the lease of the attempt beats and reports", async ({
  service,
  runner,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  const [waiting, held] = [await workflow.run({ status: "QUEUED" }), await workflow.run({ status: "QUEUED" })];
  const { lease } = await runner.claim(held.id);
  const claim = (secret: string) =>
    callRunner(service, waiting.id, "claim", secret, { contractVersion: 1, attempt: 1, runnerId: "r" });
  const beat = (secret: string) => callRunner(service, held.id, "heartbeat", secret, { attempt: 1 });
  const report = (secret: string) =>
    callRunner(service, held.id, "events", secret, {
      contractVersion: 1,
      attempt: 1,
      events: [{ seq: 1, at: "2026-01-01T00:00:00Z", type: "run.succeeded", output: null }],
    });

  const refused: [string, number][] = [];
  for (const [kind, secret] of Object.entries({ ...ELSEWHERE, "lease token": lease.leaseToken }))
    refused.push([`${kind} at claim`, (await claim(secret)).status]);
  for (const [kind, secret] of Object.entries({ ...ELSEWHERE, "runner token": RUNNER_TOKEN }))
    for (const [place, present] of Object.entries({ heartbeat: beat, events: report }))
      refused.push([`${kind} at ${place}`, (await present(secret)).status]);
  const opened = [await claim(RUNNER_TOKEN), await beat(lease.leaseToken), await report(lease.leaseToken)];

  expect(refused).toHaveLength(24);
  expect(refused.filter(([, status]) => status !== 401)).toEqual([]);
  expect(opened.map(({ status }) => status)).toEqual([200, 200, 200]);
});
