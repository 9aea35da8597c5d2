import { randomUUID } from "node:crypto";
import { expectData, type RouteCell, signedWebhook } from "@control-plane/local-stack";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";
import { z } from "zod";
import { createTrigger } from "../control-plane.ts";
import { OPS_SECRET, type Stage } from "./stage.ts";

type Headers = Readonly<Record<string, string>>;
export type Callers = {
  /** What each of them presents, and nothing else. */
  headers: Readonly<Record<RouteCell["caller"], Headers>>;
  hookPath: string;
};

const AT_ONCE = 16;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** Members, keys and a trigger of their own: some routes end sessions and keys. */
export async function openCallers(stage: Stage): Promise<Callers> {
  const { plane, mine } = stage;
  if (plane.stack === undefined) throw new Error("the secrets of what runs elsewhere are not known");
  const { secrets } = plane.stack;
  const member = async (role: HasuraRole): Promise<Headers> => bearer((await stage.newMember(role)).token);
  const [owner, admin, builder, viewer] = await Promise.all(HASURA_ROLES.map(member));
  if (owner === undefined || admin === undefined || builder === undefined || viewer === undefined)
    throw new Error("a role is missing");
  const { token } = await stage.newMember("owner");
  const made = await plane.graphql('mutation { createAccessKey(name: "http") { key } }', {}, token);
  const { key } = expectData(z.object({ createAccessKey: z.object({ key: z.string() }) }), made).createAccessKey;
  const hook = await createTrigger(plane, token, mine.shown("workflows", "owner"));
  return {
    headers: {
      nothing: {},
      O: owner,
      A: admin,
      B: builder,
      V: viewer,
      "access-key": bearer(key),
      "runner-token": bearer(secrets.runnerToken),
      // Of no run: whether it holds one is what the service asks its database next.
      "lease-token": bearer(`lt_${"a".repeat(43)}`),
      "action-secret": { "x-action-secret": secrets.actionSecret },
      "event-secret": { "x-event-secret": secrets.eventSecret },
      "logs-secret": { "x-logs-schema-secret": secrets.logsSchemaSecret },
      "ops-secret": { authorization: `Basic ${Buffer.from(`ada:${OPS_SECRET}`).toString("base64")}` },
      "admin-secret": { "x-hasura-admin-secret": secrets.adminSecret },
      signature: signedWebhook(hook.secret, "{}"),
    },
    hookPath: new URL(hook.url).pathname.replace("/hooks/", ""),
  };
}

/** The cells in which a service does otherwise than was decided, with the status of its answer. */
export async function findWrongCells(
  stage: Stage,
  callers: Callers,
  cells: readonly RouteCell[],
): Promise<(RouteCell & { status: number })[]> {
  const wrong: (RouteCell & { status: number })[] = [];
  for (let at = 0; at < cells.length; at += AT_ONCE) {
    const knocks = cells.slice(at, at + AT_ONCE).map(async (cell) => {
      const { status, isRefused } = await knock(baseUrl(stage, cell.service), cell, callers);
      if (isRefused === cell.opens) wrong.push({ ...cell, status });
    });
    await Promise.all(knocks);
  }
  return wrong;
}

function baseUrl({ plane }: Stage, service: RouteCell["service"]): string {
  const urls = plane.stack?.urls;
  switch (service) {
    case "auth-actions":
      return urls?.authActions ?? "";
    case "webhook-gateway":
      return urls?.webhookGateway ?? "";
    case "orchestrator":
      return urls?.orchestrator ?? "";
    case "logs-schema":
      return urls?.logsSchema ?? "";
    case "hasura-engine":
      return urls?.hasura ?? "";
    default:
      return service satisfies never;
  }
}

/** Who gets past the door meets a body that says nothing, or an id that nobody has: nothing is done by any of this. */
async function knock(base: string, { method, path, caller }: RouteCell, { headers, hookPath }: Callers) {
  const isGraphql = path === "/v1/graphql";
  const body = isGraphql ? '{"query":"{ __typename }"}' : "{}";
  const sent = ["POST", "PUT", "PATCH"].includes(method)
    ? { body, headers: { "content-type": "application/json", ...headers[caller] } }
    : { headers: headers[caller] };
  const url = base + path.replace(/:\w+/g, randomUUID()).replace(/^\*$/, "/").replace(/\*$/, hookPath);
  const reply = await fetch(url, { method, ...sent });
  const text = await reply.text();
  const isRefused = reply.status === 401 || reply.status === 405 || (isGraphql && text.includes('"errors"'));
  return { status: reply.status, isRefused };
}
