import { passwordNeedsRehash, uuidv7 } from "@control-plane/crypto";
import { inTransaction, repeatOnConflict, writeAudit } from "@control-plane/db";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import {
  findSigningIn,
  insertOwner,
  insertTenant,
  insertUser,
  setPasswordHash,
  type TenantMembership,
  type UserWithPassword,
} from "../store/accounts.ts";
import { boundingGuesses, spendOfAddress } from "./limits.ts";
import { acceptPassword } from "./password-policy.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { type AuthPayload, invalidCredentials, type Origin, startSession } from "./sessions.ts";
import { slugFrom, withSuffix } from "./slug.ts";

export type Registration = {
  email: string;
  password: string;
  name: string;
  tenantName: string;
  tenantSlug?: string | undefined;
};
export type Credentials = { email: string; password: string; tenantSlug?: string | undefined };

/**
 * Tenant, user, owner membership and session in one transaction.
 * Throws `EMAIL_TAKEN`, `SLUG_TAKEN` (only for a slug that was asked for), `PASSWORD_REJECTED`.
 */
export async function registerUserAndTenant(
  deps: Pick<Deps, "db" | "issueAccessToken" | "limits">,
  input: Registration,
  origin: Origin,
): Promise<AuthPayload> {
  await spendOfAddress(deps.limits.registrations, origin);
  const passwordHash = await hashPassword(acceptPassword(input.password, input.email));
  const userId = uuidv7();
  const tenantId = uuidv7();
  const actor = { source: "auth-actions", userId, tenantId, role: "owner" } as const;
  return inTransaction(deps.db, actor, async (tx) => {
    if ((await insertUser(tx, { id: userId, email: input.email, name: input.name, passwordHash })) === undefined) {
      throw new AppError("EMAIL_TAKEN", "an account with this e-mail exists");
    }
    const slug = input.tenantSlug ?? slugFrom(input.tenantName);
    const wanted = await insertTenant(tx, { id: tenantId, slug, name: input.tenantName });
    if (wanted === undefined && input.tenantSlug !== undefined)
      throw new AppError("SLUG_TAKEN", "a tenant with this slug exists");
    const used = wanted === undefined ? withSuffix(slug) : slug;
    if (
      wanted === undefined &&
      (await insertTenant(tx, { id: tenantId, slug: used, name: input.tenantName })) === undefined
    ) {
      throw new AppError("SLUG_TAKEN", "no free slug was found for this name; give one");
    }
    await insertOwner(tx, tenantId, userId);
    return startSession(tx, deps.issueAccessToken, actor, origin);
  });
}

type LoginDeps = Pick<Deps, "db" | "issueAccessToken" | "limits" | "background">;

/**
 * Signs a user in to one tenant: the named one, else the only one, else the last one.
 * Throws `INVALID_CREDENTIALS` for an unknown e-mail, a wrong password, a tenant he is not in, or none at all; and
 * `TENANT_SELECTION_REQUIRED` with the choices.
 */
export async function login(deps: LoginDeps, input: Credentials, origin: Origin): Promise<AuthPayload> {
  return boundingGuesses(deps, input.email, origin, () => signIn(deps, input, origin));
}

async function signIn(deps: LoginDeps, input: Credentials, origin: Origin): Promise<AuthPayload> {
  const user = await findSigningIn(deps.db, input.email);
  const password = input.password.normalize("NFKC");
  // Without a user a hash that matches nothing is verified, so that both cases take the same time.
  const matches = await verifyPassword(user?.passwordHash ?? (await dummyHash()), password);
  if (user === undefined) throw invalidCredentials();
  if (!matches) {
    deps.background.start("recording a refused sign-in", () => recordDenied(deps, user, origin));
    throw invalidCredentials();
  }
  const newHash = passwordNeedsRehash(user.passwordHash) ? await hashPassword(password) : undefined;
  const chosen = chooseTenant(user.tenants, input.tenantSlug, user.lastTenantId);
  const actor = { source: "auth-actions", userId: user.id, tenantId: chosen.tenantId, role: chosen.role } as const;
  if (newHash !== undefined) await inTransaction(deps.db, actor, (tx) => setPasswordHash(tx, user.id, newHash));
  return repeatOnConflict(() => startSession(deps.db, deps.issueAccessToken, actor, origin));
}

function chooseTenant(
  tenants: readonly TenantMembership[],
  slug: string | undefined,
  lastTenantId: string | null,
): TenantMembership {
  const named = slug === undefined ? undefined : tenants.find((tenant) => tenant.slug === slug);
  if (slug !== undefined && named === undefined) throw invalidCredentials();
  const [first] = tenants;
  if (first === undefined) throw invalidCredentials();
  const chosen = named ?? (tenants.length === 1 ? first : tenants.find(({ tenantId }) => tenantId === lastTenantId));
  if (chosen !== undefined) return chosen;
  throw new AppError("TENANT_SELECTION_REQUIRED", "name the tenant to sign in to", { details: { tenants } });
}

let dummy: Promise<string> | undefined;
function dummyHash(): Promise<string> {
  dummy ??= hashPassword("no account has this password");
  return dummy;
}

/** A row nobody can delete: so many per user and minute, and with where it came from as far as that is known. */
async function recordDenied(deps: Pick<Deps, "db" | "limits">, user: UserWithPassword, { ip }: Origin): Promise<void> {
  if ((await deps.limits.deniedRows.take(user.id)) !== undefined) return;
  await inTransaction(deps.db, { source: "auth-actions" }, (tx) =>
    writeAudit(tx, {
      tenantId: user.lastTenantId,
      action: "session.denied",
      targetType: "users",
      targetId: user.id,
      changes: ip === undefined ? {} : { address: ip },
      outcome: "DENIED",
    }),
  );
}
