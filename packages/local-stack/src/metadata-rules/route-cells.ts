import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { hasuraDir } from "../check-metadata.ts";
import { rootDir } from "../clone.ts";
import {
  type HttpCaller,
  type HttpService,
  httpServices,
  type PermissionsTwin,
  permissionsTwinSchema,
  presentedCallers,
} from "./permissions-twin.ts";

/** `route` is a method, or several with `|` between them, and a path that may end in `*` for any text. */
type RouteGrant = { service: HttpService; route: string; callers: readonly HttpCaller[] };
type Route = { service: HttpService; method: string; path: string };

/** One cell of the matrix of HTTP: whether a route does anything for who presents this and nothing else. */
export type RouteCell = Route & { caller: Exclude<HttpCaller, "anyone">; opens: boolean };

/** Those that are presented in the header `authorization`, where a route may refuse what it would not have needed. */
const IN_AUTHORIZATION: readonly HttpCaller[] = [
  "O",
  "A",
  "B",
  "V",
  "access-key",
  "runner-token",
  "lease-token",
  "ops-secret",
];

/** What each service serves: the lists that its own test compares with its server. */
const LISTS: Readonly<Record<HttpService, string>> = {
  "auth-actions": "apps/auth-actions/test/routes.txt",
  "webhook-gateway": "apps/webhook-gateway/test/routes.txt",
  orchestrator: "apps/orchestrator/test/routes.txt",
  "logs-schema": "apps/logs-schema/test/routes.txt",
  "hasura-engine": "packages/hasura-engine/test/server/routes.txt",
};

/** Every cell, as hasura/permissions.yaml decides it. Throws where it decides none. */
export function readRouteCells(): RouteCell[] {
  const twin = permissionsTwinSchema.parse(parse(readFileSync(join(hasuraDir, "permissions.yaml"), "utf8")));
  const grants = routeGrants(twin);
  return readRoutes().flatMap((route) => {
    const grant = grants.find((candidate) => isAbout(candidate, route));
    if (grant === undefined) throw new Error(`hasura/permissions.yaml says nothing of ${textOf(route)}`);
    return presentedCallers.map((caller) => ({ ...route, caller, opens: opensTo(grant, caller) }));
  });
}

/** Routes that the twin does not decide, or more than once, and decisions about routes that are not there. */
export function findRouteProblems(twin: PermissionsTwin): string[] {
  const [grants, routes] = [routeGrants(twin), readRoutes()];
  return [
    ...routes.flatMap((route) => {
      const { length } = grants.filter((grant) => isAbout(grant, route));
      return length === 1 ? [] : [`${textOf(route)} is decided ${length} times`];
    }),
    ...grants
      .filter((grant) => !routes.some((route) => isAbout(grant, route)))
      .map(({ service, route }) => `${service} has no route ${route}`),
  ];
}

/** Of those that Hasura calls the address stands with what it is called for, and the secret of their kind opens them. */
function routeGrants(twin: PermissionsTwin): RouteGrant[] {
  const { actions, event_triggers, crons, remote_schemas } = twin;
  const ofHasura = (variable: string, path: string, caller: HttpCaller): RouteGrant => ({
    service: serviceOf(variable),
    route: `POST ${path}`,
    callers: [caller],
  });
  return [
    ...httpServices.flatMap((service) =>
      Object.entries(twin.routes[service]).map(([route, callers]) => ({ service, route, callers })),
    ),
    ...Object.entries(actions).map(([name, { service }]) => ofHasura(service, `/actions/${name}`, "action-secret")),
    ...[...Object.values(event_triggers), ...Object.values(crons)].map(({ service, path }) =>
      ofHasura(service, path, "event-secret"),
    ),
    ...Object.values(remote_schemas).map(({ service, path }) => ofHasura(service, path, "logs-secret")),
  ];
}

function serviceOf(variable: string): HttpService {
  const name = variable.replace(/_URL$/, "").toLowerCase().replaceAll("_", "-");
  const service = httpServices.find((candidate) => candidate === name);
  if (service === undefined) throw new Error(`${variable} names no service`);
  return service;
}

function readRoutes(): Route[] {
  return httpServices.flatMap((service) =>
    readFileSync(join(rootDir, LISTS[service]), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [method = "", path = ""] = line.split(" ");
        return { service, method, path };
      }),
  );
}

function isAbout(grant: RouteGrant, { service, method, path }: Route): boolean {
  const [methods = "", pattern = ""] = grant.route.split(" ");
  if (grant.service !== service || !methods.split("|").includes(method)) return false;
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function opensTo({ callers }: RouteGrant, caller: HttpCaller): boolean {
  if (callers.includes("anyone") || callers.includes(caller)) return true;
  return callers.includes("nothing") && !IN_AUTHORIZATION.includes(caller);
}

function textOf({ service, method, path }: Route): string {
  return `${service} ${method} ${path}`;
}
