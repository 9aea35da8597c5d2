import { readMailFiles } from "@control-plane/local-stack";
import { z } from "zod";
import { defineCell } from "../cell.ts";

const registeredSchema = z.object({ tenantId: z.uuid(), userId: z.uuid() });

/** Mails and invitations outlive the process that had them in its hands. */
export const accountsKilled = defineCell({
  id: "A1",
  title: "kill -9 of auth-actions behind a sent mail and inside an acceptance",
  failpoints: ["mail.after-send", "accept.after-take"],
  async play({ stage, act, awaitDeath, must, until, count, random }) {
    const auth = stage.program("auth-actions");
    await auth.start({ failpoints: "mail.after-send:kill" });
    const tag = random.int(0, 1e9);
    const password = `a long password of ${tag}`;
    const registered = await act(auth, "registerUserAndTenant", {
      email: `ada.${tag}@example.com`,
      password,
      name: "Ada",
      tenantName: `Acme ${tag}`,
    });
    const { tenantId, userId } = registeredSchema.parse(registered.body);
    const email = `vera.${tag}@example.com`;
    // Its answer may be lost with the process.
    await act(auth, "inviteUserToTenant", { email, role: "viewer" }, { tenantId, userId, role: "owner" }).catch(
      () => undefined,
    );
    await awaitDeath(auth, "mail.after-send");
    await auth.start({ failpoints: "accept.after-take:kill" });
    await until(
      async () =>
        (await count("select 1 from internal.emails where status = 'SENT' and recipient = $1", [email])) === 1,
      120,
      "the mail is sent once more and known as sent",
    );
    const token = /inv_[A-Za-z0-9_-]+/.exec(await readMailFiles(stage.input.mailDir)(email))?.[0] ?? "";
    const acceptance = { token, name: "Vera", password };
    await act(auth, "acceptInvitation", acceptance).catch(() => undefined);
    await awaitDeath(auth, "accept.after-take");
    await auth.start();
    const accepted = await act(auth, "acceptInvitation", acceptance);
    must(accepted.status === 200, `the invitation cannot be accepted after a crash: ${accepted.status}`);
    const repeated = await act(auth, "acceptInvitation", acceptance);
    must(repeated.status === 409, `an accepted invitation was answered ${repeated.status}`);
    must((await count("select 1 from users where email = $1", [email])) === 1, "there is not one account");
    must(
      (await count("select 1 from memberships where tenant_id = $1", [tenantId])) === 2,
      "there are not two members",
    );
  },
});
