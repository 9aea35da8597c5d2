import { isJsonObject, isJsonValue, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer, parsePointer } from "@control-plane/service-kit/json-pointer";
import { z } from "zod";
import { checkSchema } from "../definition/json-schema.ts";
import { createKnownSchemas } from "../definition/known-schemas.ts";
import { collectReferences } from "../definition/operators.ts";
import type { Problem } from "../definition/problem.ts";
import { authSchema } from "./auth.ts";
import { actionRequestSchema, pathParameters, testRequestSchema } from "./http-requests.ts";

/** A version as it is stored; nothing in it has been looked at. */
export type StoredAppVersion = {
  authType: string;
  authConfig: unknown;
  baseUrl: string | null;
  allowedHosts: readonly string[];
  testRequest: unknown;
};
export type StoredAction = { key: string; inputSchema: unknown; outputSchema: unknown; request: unknown };

export type AppVersionRules = {
  /** Actions without a request, which a runner has built in: the global catalogue's only. */
  allowsBuiltIns: boolean;
  /** Why calls to the URL would be refused, as far as that shows without asking the DNS. */
  judgeUrl(
    url: string,
    options: { allowedHosts: readonly string[]; needsTls: boolean },
  ): { kind: "malformed" | "refused"; message: string } | undefined;
};

const PROBLEMS_MAX = 100;
const HOST_FORM = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const ANY_HOST = "*";

/** Everything wrong with a version and its actions, at most 100 problems, with pointers into `{version, actions}`. */
export function validateAppVersion(
  version: StoredAppVersion,
  actions: readonly StoredAction[],
  rules: AppVersionRules,
): Problem[] {
  const problems = [
    ...checkAllowedHosts(version),
    ...checkAuth(version, rules),
    ...checkBaseUrl(version, actions, rules),
    ...checkTestRequest(version),
    ...(actions.length === 0 ? [problem("/actions", "ACTIONS_MISSING", "an app version has at least one action")] : []),
    ...actions.flatMap((action, index) => checkAction(action, `/actions${jsonPointer(index)}`, rules)),
  ];
  return problems.slice(0, PROBLEMS_MAX);
}

function checkAllowedHosts({ allowedHosts, authType }: StoredAppVersion): Problem[] {
  const at = "/version/allowed_hosts";
  if (allowedHosts.length < 1 || allowedHosts.length > 20)
    return [problem(at, "SHAPE_INVALID", "1 to 20 hosts have to be named")];
  return allowedHosts.flatMap((host, index): Problem[] => {
    const pointer = at + jsonPointer(index);
    if (host === ANY_HOST) return checkAnyHost(pointer, allowedHosts.length, authType);
    const suffix = host.startsWith("*.") ? host.slice(2) : undefined;
    const isHost = HOST_FORM.test(suffix ?? host) && (suffix === undefined || suffix.includes("."));
    return isHost
      ? []
      : [problem(pointer, "SHAPE_INVALID", "must be a lower-case host name, or *. and a suffix of two names or more")];
  });
}

function checkAnyHost(pointer: string, count: number, authType: string): Problem[] {
  if (authType !== "NONE") return [problem(pointer, "HOST_NOT_ALLOWED", "a credential goes to named hosts only")];
  return count === 1 ? [] : [problem(pointer, "SHAPE_INVALID", "* stands alone")];
}

function checkAuth({ authType, authConfig, allowedHosts }: StoredAppVersion, rules: AppVersionRules): Problem[] {
  const at = "/version/auth_config";
  const auth = authSchema.safeParse({ authType, authConfig });
  if (!auth.success) return shapeProblems(auth.error, at, "AUTH_CONFIG_INVALID", 1);
  if (auth.data.authType !== "OAUTH2_CLIENT_CREDENTIALS") return [];
  const fault = rules.judgeUrl(auth.data.authConfig.tokenUrl, { allowedHosts, needsTls: true });
  if (fault === undefined) return [];
  const code = fault.kind === "malformed" ? "AUTH_CONFIG_INVALID" : "HOST_NOT_ALLOWED";
  return [problem(`${at}/tokenUrl`, code, fault.message)];
}

function checkBaseUrl(
  { authType, baseUrl, allowedHosts, testRequest }: StoredAppVersion,
  actions: readonly StoredAction[],
  rules: AppVersionRules,
): Problem[] {
  const at = "/version/base_url";
  if (baseUrl === null) {
    const isNeeded = testRequest !== null || !rules.allowsBuiltIns || actions.some(({ request }) => request !== null);
    return isNeeded ? [problem(at, "SHAPE_INVALID", "requests need a base URL")] : [];
  }
  const fault = judgeBaseUrl(baseUrl, { allowedHosts, needsTls: authType !== "NONE" }, rules);
  if (fault === undefined) return [];
  return [problem(at, fault.kind === "malformed" ? "SHAPE_INVALID" : "HOST_NOT_ALLOWED", fault.message)];
}

/** Paths are put behind a base URL, so it ends with its own path. */
export function judgeBaseUrl(
  url: string,
  options: { allowedHosts: readonly string[]; needsTls: boolean },
  rules: Pick<AppVersionRules, "judgeUrl">,
): ReturnType<AppVersionRules["judgeUrl"]> {
  if (/[?#]/.test(url)) return { kind: "malformed", message: "a base URL has no query and no fragment" };
  return rules.judgeUrl(url, options);
}

function checkTestRequest({ authType, testRequest }: StoredAppVersion): Problem[] {
  const at = "/version/test_request";
  if (testRequest !== null) {
    const parsed = testRequestSchema.safeParse(testRequest);
    return parsed.success ? [] : shapeProblems(parsed.error, at, "REQUEST_INVALID");
  }
  return authType === "NONE"
    ? []
    : [problem(at, "TEST_REQUEST_MISSING", "without a request nobody can tell whether a connection works")];
}

function checkAction(action: StoredAction, at: string, rules: AppVersionRules): Problem[] {
  const inputSchema = jsonOf(action.inputSchema);
  return [
    ...checkStoredSchema(inputSchema, `${at}/input_schema`),
    ...checkStoredSchema(jsonOf(action.outputSchema), `${at}/output_schema`),
    ...(action.request === null
      ? rules.allowsBuiltIns
        ? []
        : [problem(`${at}/request`, "REQUEST_INVALID", "an action of your own is an HTTP request")]
      : checkRequest(action.request, inputSchema, `${at}/request`)),
  ];
}

function jsonOf(value: unknown): JsonValue | undefined {
  return isJsonValue(value) ? value : undefined;
}

function checkStoredSchema(schema: JsonValue | undefined, at: string): Problem[] {
  return schema === undefined ? [problem(at, "SCHEMA_INVALID", "the schema nests too deep")] : checkSchema(schema, at);
}

function checkRequest(stored: unknown, inputSchema: JsonValue | undefined, at: string): Problem[] {
  const parsed = actionRequestSchema.safeParse(stored);
  if (!parsed.success) return shapeProblems(parsed.error, at, "REQUEST_INVALID");
  const { path, query, headers, body = null } = parsed.data;
  const required = requiredNames(inputSchema);
  const loose = pathParameters(path).filter((name) => !required.includes(name));
  return [
    ...loose.map((name) =>
      problem(`${at}/path`, "REQUEST_INVALID", `{${name}} is not a required property of the input schema`),
    ),
    ...checkInputReferences({ query, headers, body }, inputSchema, at),
  ];
}

const requiredSchema = z.array(z.string());

function requiredNames(schema: JsonValue | undefined): readonly string[] {
  const isObject = schema !== undefined && isJsonObject(schema);
  return requiredSchema.safeParse(isObject ? schema.required : undefined).data ?? [];
}

function checkInputReferences(request: JsonValue, inputSchema: JsonValue | undefined, at: string): Problem[] {
  const schemas = createKnownSchemas({ inputSchema, steps: [], output: null }, new Map());
  const { references, malformed } = collectReferences(request, at);
  return [
    ...malformed.map((pointer) =>
      problem(pointer, "REF_INVALID", "not an operator: use $ref (with default), $text or $literal alone"),
    ),
    ...references.flatMap((reference): Problem[] => {
      const segments = typeof reference.ref === "string" ? parsePointer(reference.ref) : undefined;
      if (segments === undefined) return [problem(reference.at, "REF_INVALID", "not a JSON pointer")];
      if (segments[0] !== "input") return [problem(reference.at, "REF_INVALID", "pointers begin with /input")];
      const found = schemas.find(segments);
      return found.kind === "absent"
        ? [problem(reference.at, "REF_UNKNOWN_PROPERTY", `there is no property ${found.segment}`)]
        : [];
    }),
  ];
}

/** @param skipped leading segments of each issue's path that `at` stands for */
function shapeProblems(error: z.ZodError, at: string, code: Problem["code"], skipped = 0): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const pointer = at + jsonPointer(...issue.path.slice(skipped));
    if (issue.code !== "unrecognized_keys") return [problem(pointer, code, issue.message)];
    return issue.keys.map((key) => problem(pointer + jsonPointer(key), code, "there is no such field"));
  });
}

function problem(pointer: string, code: Problem["code"], message: string): Problem {
  return { pointer, code, message };
}
