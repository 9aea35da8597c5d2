import { randomBytes } from "node:crypto";
import { hashPassword } from "@control-plane/crypto";
import { createDatabase, inTransaction, memberships, users } from "@control-plane/db";

/** Puts a viewer straight into the tenant; the account can then sign in like any other. */
export async function addViewer(databaseUrl: string, tenantId: string): Promise<{ email: string; password: string }> {
  const tag = randomBytes(3).toString("hex");
  const account = { email: `vera.${tag}@example.com`, password: `a viewer's long password ${tag}` };
  const { db, close } = createDatabase({ url: databaseUrl, poolMax: 1, applicationName: "demo" });
  try {
    const passwordHash = await hashPassword(account.password);
    await inTransaction(db, { source: "cli", tenantId }, async (tx) => {
      const [user] = await tx
        .insert(users)
        .values({ email: account.email, name: "Vera", passwordHash })
        .returning({ id: users.id });
      if (user === undefined) throw new Error("the viewer could not be added");
      await tx.insert(memberships).values({ tenantId, userId: user.id, role: "viewer" });
    });
    return account;
  } finally {
    await close();
  }
}
