import { randomBytes } from "node:crypto";
import { z } from "zod";
import { ACCEPT_INVITATION, INVITE } from "./documents.ts";
import { expectData, type GraphqlClient } from "./graphql-client.ts";
import type { ReadMail } from "./read-mail.ts";

export type Viewer = { email: string; password: string; token: string };

/** Invites a viewer as the owner, reads the mail as the invited, and accepts: the way everybody gets into a tenant. */
export async function inviteViewer(graphql: GraphqlClient, readMail: ReadMail, ownerToken: string): Promise<Viewer> {
  const tag = randomBytes(3).toString("hex");
  const email = `vera.${tag}@example.com`;
  const password = `a viewer's long password ${tag}`;
  expectData(
    z.object({ inviteUserToTenant: z.object({ invitation: z.object({ status: z.literal("PENDING") }) }) }),
    await graphql(INVITE, { email, role: "viewer" }, ownerToken),
  );
  const token = /#token=(inv_[\w-]+)/.exec(await readMail(email))?.[1];
  if (token === undefined) throw new Error("the mail of the invitation has no link");
  const accepted = expectData(
    z.object({ acceptInvitation: z.object({ accessToken: z.string(), role: z.literal("viewer") }) }),
    await graphql(ACCEPT_INVITATION, { token, name: "Vera", password }),
  );
  return { email, password, token: accepted.acceptInvitation.accessToken };
}
