import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { newToken } from "@control-plane/crypto";
import { emails } from "@control-plane/db";
import { openStoreWire, type TestDatabase } from "@control-plane/testkit";
import { expect } from "vitest";
import type { Deps } from "../src/deps.ts";
import { openEmail } from "../src/domain/emails.ts";
import { authPayloadSchema } from "../src/domain/sessions.ts";
import { openService, post, test } from "./service.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../../docs/sign-in.md"), "utf8");

/** The bodies of the page, each with the path that was named last before it. */
const requests = [...page.matchAll(/^```json\n(.+?)\n```$/gms)].map((block) => ({
  path: [...page.slice(0, block.index).matchAll(/`(\/auth\/[a-z/-]+)`/g)].at(-1)?.[1] ?? "",
  body: block[1] ?? "",
}));

async function invite(db: TestDatabase, tenantId: string, email: string): Promise<string> {
  const { token, hash } = newToken("inv_");
  await db.pool.query(
    `insert into invitations (tenant_id, email, role, token_hash, expires_at)
     values ($1, $2, 'viewer', $3, now() + interval '1 day')`,
    [tenantId, email, hash],
  );
  return token;
}

async function mailedToken({ db, envelope }: Pick<Deps, "db" | "envelope">): Promise<string> {
  const [mail] = await db.select().from(emails);
  if (mail === undefined) throw new Error("no mail is queued");
  const { id, tenantId, payloadCipher } = mail;
  return (await openEmail(envelope, { id, tenantId, payloadCipher: payloadCipher ?? Buffer.alloc(0) })).token;
}

test.for([
  ["there", false],
  ["away", true],
] as const)(
  "with Redis %s the requests of the page work one after the other, as they stand there",
  async ([, away], { db, keys, redis, world }) => {
    const wire = await openStoreWire(redis.url);
    const service = await openService(db, keys, { REDIS_URL: wire.url, QUEUE_PREFIX: redis.prefix });
    if (away) wire.cut();
    const other = await world.tenant();
    const held: Record<string, string> = {
      invitationToken: await invite(db, other.id, "grace@example.com"),
      declinedToken: await invite(db, other.id, "nobody@example.com"),
    };
    const keep = (body: unknown): void => {
      const session = authPayloadSchema.safeParse(body);
      if (session.success) Object.assign(held, { ...session.data, tenants: "" });
    };

    const answers: [string, number][] = [];
    for (const { path, body } of requests) {
      if (path === "/auth/switch-tenant") {
        await db.pool.query("insert into memberships (tenant_id, user_id, role) values ($1, $2, 'viewer')", [
          other.id,
          held["userId"],
        ]);
        held["tenantId"] = other.id;
      }
      if (path === "/auth/password/reset") held["resetToken"] = await mailedToken(service.deps);
      const filled = body.replace(/\{\{(\w+)\}\}/g, (_whole, name: string) => held[name] ?? `no ${name}`);
      const authorization = `Bearer ${held["accessToken"]}`;
      const reply = await post(service, path, filled, path === "/auth/switch-tenant" ? { authorization } : {});
      answers.push([path, reply.status]);
      keep(reply.body);
    }
    const everywhere = await post(
      service,
      "/auth/logout-everywhere",
      {},
      { authorization: `Bearer ${held["accessToken"]}` },
    );

    await service.close();
    await wire.close();

    expect(answers).toEqual([
      ["/auth/register", 200],
      ["/auth/login", 200],
      ["/auth/refresh", 200],
      ["/auth/switch-tenant", 200],
      ["/auth/password/request-reset", 200],
      ["/auth/password/reset", 200],
      ["/auth/invitations/accept", 200],
      ["/auth/invitations/decline", 200],
      ["/auth/logout", 200],
    ]);
    expect(everywhere.body).toEqual({ ended: 0 });
  },
);
