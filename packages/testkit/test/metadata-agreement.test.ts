import { expect, test } from "vitest";
import { z } from "zod";
import { findActionDisagreements, findTriggerDisagreements } from "../src/metadata-agreement.ts";

const tenant = z.object({ tenantId: z.uuid(), slug: z.string(), name: z.string(), role: z.string() });
const login = {
  name: "login",
  access: { kind: "anonymous" },
  input: z.strictObject({ email: z.email(), password: z.string(), tenantSlug: z.string().nullish() }),
  output: z.object({
    accessToken: z.string(),
    accessTokenExpiresAt: z.iso.datetime(),
    refreshToken: z.string(),
    refreshTokenExpiresAt: z.iso.datetime(),
    userId: z.uuid(),
    tenantId: z.uuid(),
    role: z.enum(["owner", "viewer"]),
    tenants: z.array(tenant),
  }),
} as const;

function aboutLogin(action: Parameters<typeof findActionDisagreements>[1][number]): string[] {
  return findActionDisagreements("AUTH_ACTIONS_URL", [action]).filter((line) => line.startsWith("login"));
}

test("an action as metadata has it agrees", () => {
  expect(aboutLogin(login)).toEqual([]);
});

test.each([
  [{ access: { kind: "member", roles: ["owner"] } } as const, 'login: roles: metadata ["anonymous"], code ["owner"]'],
  [
    { input: login.input.extend({ remember: z.boolean() }) },
    'login: arguments: metadata ["email","password","tenantSlug"], code ["email","password","remember","tenantSlug"]',
  ],
  [{ input: login.input.extend({ tenantSlug: z.string() }) }, "login(tenantSlug): required: metadata false, code true"],
  [
    { input: login.input.extend({ tenantSlug: z.string().optional() }) },
    "login(tenantSlug): null allowed: metadata true, code false",
  ],
  [{ input: login.input.extend({ email: z.int() }) }, 'login(email): type: metadata ["string"], code ["integer"]'],
  [
    { output: login.output.extend({ role: z.string().nullable() }) },
    "login.role: null allowed: metadata false, code true",
  ],
  [
    { output: login.output.extend({ tenants: z.array(tenant.omit({ slug: true })) }) },
    'login.tenants[]: fields: metadata ["name","role","slug","tenantId"], code ["name","role","tenantId"]',
  ],
  [{ output: login.output.extend({ tenants: tenant }) }, "login.tenants: not a list"],
])("what differs is named: %#", (change, line) => {
  expect(aboutLogin({ ...login, ...change })).toContain(line);
});

test("an action that is served but unknown to metadata is named, and the other way round", () => {
  const found = findActionDisagreements("AUTH_ACTIONS_URL", [{ ...login, name: "signIn" }]);

  expect(found).toContain("signIn: not in actions.yaml");
  expect(found).toContain("login: in actions.yaml, but not served");
});

test("event and cron triggers that nobody serves are named", () => {
  expect(findTriggerDisagreements("ORCHESTRATOR_URL", { events: [], crons: [{ name: "tick" }] })).toEqual([
    'events: metadata ["tenant-limit-changed"], code []',
    'crons: metadata ["retention","tick"], code ["tick"]',
  ]);
});
