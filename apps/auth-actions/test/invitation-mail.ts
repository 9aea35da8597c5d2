import { emails } from "@control-plane/db";
import type { Actions, TestDatabase, TestUser } from "@control-plane/testkit";
import { and, desc, eq } from "drizzle-orm";
import { inviteUserToTenant } from "../src/actions/invite-user-to-tenant.ts";
import type { Deps } from "../src/deps.ts";
import { openEmail } from "../src/domain/emails.ts";

type Opened = Extract<Awaited<ReturnType<typeof openEmail>>, { kind: "INVITATION" }>;

/** The last mail to an address that waits to be sent, as its reader will see it. */
export async function queuedInvitation(deps: Deps, { db }: TestDatabase, recipient: string): Promise<Opened> {
  const [email] = await db
    .select()
    .from(emails)
    .where(and(eq(emails.recipient, recipient), eq(emails.status, "QUEUED")))
    .orderBy(desc(emails.id));
  if (email?.payloadCipher == null) throw new Error(`no mail waits for ${recipient}`);
  const { id, tenantId, payloadCipher } = email;
  const payload = await openEmail(deps.envelope, { id, tenantId, payloadCipher });
  if (payload.kind !== "INVITATION") throw new Error(`the mail to ${recipient} is no invitation`);
  return payload;
}

/** An open invitation and what only its mail holds. */
export async function invite(
  { actions, deps, db }: { actions: Actions; deps: Deps; db: TestDatabase },
  inviter: TestUser,
  email: string,
  role = "viewer",
): Promise<{ invitationId: string; token: string }> {
  const { invitationId } = await actions.succeed(inviteUserToTenant, inviter, { email, role });
  const { token } = await queuedInvitation(deps, db, email);
  return { invitationId, token };
}

/** Everything the database holds as text but key material, to be searched for what must not be there. */
export async function everyText({ pool }: TestDatabase): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname in ('public', 'internal')",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await pool.query<{ text: string }>(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join("\n");
}
