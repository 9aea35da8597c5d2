import { createMetrics } from "@control-plane/service-kit";
import { recordLog } from "@control-plane/testkit";
import { expect } from "vitest";
import { acceptInvitation } from "../src/actions/accept-invitation.ts";
import { resendInvitation } from "../src/actions/resend-invitation.ts";
import { sendMailPass } from "../src/domain/send-mail.ts";
import { buildServer } from "../src/server.ts";
import { everyText, invite, queuedInvitation } from "./invitation-mail.ts";
import { mailDeps, test } from "./mailing.ts";
import { ACTION_SECRET, EVENT_SECRET, ISSUER, post } from "./service.ts";

test("the tokens of an invitation, from the first mail to its acceptance, are in no log line, table or answer but the mail", async ({
  world,
  actions,
  service: { deps },
  db,
  smtp,
}) => {
  const { log, text } = recordLog("auth-actions");
  const server = await buildServer(
    { ...deps, log, metrics: createMetrics("auth-actions") },
    {
      actionSecrets: [ACTION_SECRET],
      eventSecrets: [EVENT_SECRET],
      corsOrigins: [],
      trustedProxies: [],
      issuer: ISSUER,
    },
  );
  actions.bind(server, ACTION_SECRET);
  const owner = await (await world.tenant()).user("owner");
  const mailing = { ...mailDeps(deps, smtp.url), log };
  const first = await invite({ actions, deps, db }, owner, "grace@example.com");
  smtp.answer({ refuse: 550, saying: `cannot take ${first.token}` });
  await sendMailPass(mailing);
  await db.pool.query("update invitations set last_sent_at = now() - interval '1 minute'");
  const resent = await actions.succeed(resendInvitation, owner, { invitationId: first.invitationId });
  const { token } = await queuedInvitation(deps, db, "grace@example.com");
  smtp.answer("take");
  await sendMailPass(mailing);

  const replies = [
    await post({ server }, "/auth/invitations/accept", {
      token: first.token,
      name: "G",
      password: "long enough to be one",
    }),
    await post({ server }, "/auth/invitations/accept", { token, name: "G", password: "short" }),
    await post({ server }, "/auth/invitations/decline", { token: `${token}x` }),
  ];
  const joined = await actions.succeed(acceptInvitation, "anonymous", {
    token,
    name: "G",
    password: "long enough to be one",
  });
  await server.close();

  expect(replies.map(({ status }) => status)).toEqual([404, 400, 404]);
  expect(text()).toContain("a mail was sent");
  const written = [
    text(),
    await everyText(db),
    ...replies.map((reply) => reply.text),
    JSON.stringify([resent, joined]),
  ];
  for (const secret of [first.token, token])
    expect(written.filter((each) => each.includes(secret) || each.includes(secret.slice(4)))).toEqual([]);
});
