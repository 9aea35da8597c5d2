import { describe, expect, test } from "vitest";
import {
  type AppVersionRules,
  type StoredAction,
  type StoredAppVersion,
  validateAppVersion,
} from "./validate-app-version.ts";

const rules: AppVersionRules = {
  allowsBuiltIns: false,
  judgeUrl(url, { allowedHosts, needsTls }) {
    const parsed = URL.parse(url);
    if (parsed === null) return { kind: "malformed", message: "no URL" };
    if (!allowedHosts.includes("*") && !allowedHosts.includes(parsed.hostname))
      return { kind: "refused", message: "not an allowed host" };
    return needsTls && parsed.protocol !== "https:" ? { kind: "malformed", message: "no TLS" } : undefined;
  },
};

const version: StoredAppVersion = {
  authType: "API_KEY",
  authConfig: { in: "HEADER", name: "x-api-key" },
  baseUrl: "https://api.acme.example/v1",
  allowedHosts: ["api.acme.example", "*.files.acme.example"],
  testRequest: { method: "GET", path: "/me", expectedStatus: [200], assert: { pointer: "/ok", equals: true } },
};
const oauth = {
  authType: "OAUTH2_CLIENT_CREDENTIALS",
  authConfig: { tokenUrl: "https://api.acme.example/token", scopes: ["read"], clientAuthentication: "BODY" },
};
const action: StoredAction = {
  key: "get_order",
  inputSchema: {
    type: "object",
    required: ["id"],
    additionalProperties: false,
    properties: { id: { type: "string" }, note: { type: "string" } },
  },
  outputSchema: {},
  request: {
    method: "POST",
    path: "/orders/{id}",
    query: { note: { $ref: "/input/note", default: "" } },
    headers: { accept: "application/json" },
    body: { text: { $text: ["order ", { $ref: "/input/id" }] } },
  },
};
const changedAction = (request: Record<string, unknown>): StoredAction => ({
  ...action,
  request: { method: "GET", path: "/", ...request },
});

describe("an app version without problems", () => {
  test.for([
    ["an API key in a header", version, action],
    ["OAuth client credentials", { ...version, ...oauth }, action],
    ["a bearer token with the usual prefix", { ...version, authType: "BEARER", authConfig: {} }, action],
    ["user and password", { ...version, authType: "BASIC", authConfig: {} }, action],
    [
      "no sign-in, any host and no test request",
      {
        ...version,
        authType: "NONE",
        authConfig: {},
        allowedHosts: ["*"],
        testRequest: null,
        baseUrl: "http://x.example",
      },
      action,
    ],
    ["a literal that looks like a reference", version, changedAction({ body: { $literal: { $ref: "/run/id" } } })],
  ] as const)("%s", ([, of, made]) => {
    expect(validateAppVersion(of, [made], rules)).toEqual([]);
  });

  test("an action without a request is fine for whom a runner has it built in", () => {
    const builtIn = { ...action, request: null };
    const plain = { ...version, authType: "NONE", authConfig: {}, testRequest: null, baseUrl: null };

    expect(validateAppVersion(plain, [builtIn], { ...rules, allowsBuiltIns: true })).toEqual([]);
  });
});

/** What each fault is called, and where. */
const FAULTS: readonly (readonly [string, Partial<StoredAppVersion>, StoredAction | undefined, string, string])[] = [
  [
    "a field nobody knows",
    { authConfig: { in: "HEADER", name: "x", more: 1 } },
    action,
    "AUTH_CONFIG_INVALID",
    "/version/auth_config/more",
  ],
  ["a missing name", { authConfig: { in: "HEADER" } }, action, "AUTH_CONFIG_INVALID", "/version/auth_config/name"],
  [
    "a place nobody knows",
    { authConfig: { in: "BODY", name: "x" } },
    action,
    "AUTH_CONFIG_INVALID",
    "/version/auth_config/in",
  ],
  [
    "a header of the connection",
    { authConfig: { in: "HEADER", name: "Host" } },
    action,
    "AUTH_CONFIG_INVALID",
    "/version/auth_config/name",
  ],
  ["a config that is no object", { authConfig: [] }, action, "AUTH_CONFIG_INVALID", "/version/auth_config"],
  [
    "a config where none belongs",
    { authType: "BASIC", authConfig: { prefix: "x" } },
    action,
    "AUTH_CONFIG_INVALID",
    "/version/auth_config/prefix",
  ],
  [
    "a token URL that is none",
    { ...oauth, authConfig: { tokenUrl: "x" } },
    action,
    "AUTH_CONFIG_INVALID",
    "/version/auth_config/tokenUrl",
  ],
  [
    "a token URL elsewhere",
    { ...oauth, authConfig: { tokenUrl: "https://evil.example/" } },
    action,
    "HOST_NOT_ALLOWED",
    "/version/auth_config/tokenUrl",
  ],
  ["a base URL elsewhere", { baseUrl: "https://evil.example" }, action, "HOST_NOT_ALLOWED", "/version/base_url"],
  ["a base URL without TLS", { baseUrl: "http://api.acme.example" }, action, "SHAPE_INVALID", "/version/base_url"],
  [
    "a base URL with a query",
    { baseUrl: "https://api.acme.example/?a=1" },
    action,
    "SHAPE_INVALID",
    "/version/base_url",
  ],
  ["no base URL", { baseUrl: null }, action, "SHAPE_INVALID", "/version/base_url"],
  ["no host", { allowedHosts: [] }, undefined, "SHAPE_INVALID", "/version/allowed_hosts"],
  [
    "a host in capitals",
    { allowedHosts: ["api.acme.example", "API.acme.example"] },
    action,
    "SHAPE_INVALID",
    "/version/allowed_hosts/1",
  ],
  [
    "a host with a port",
    { allowedHosts: ["api.acme.example", "b.example:443"] },
    action,
    "SHAPE_INVALID",
    "/version/allowed_hosts/1",
  ],
  [
    "all hosts of a top-level domain",
    { allowedHosts: ["api.acme.example", "*.com"] },
    action,
    "SHAPE_INVALID",
    "/version/allowed_hosts/1",
  ],
  [
    "any host, for a credential",
    { allowedHosts: ["api.acme.example", "*"] },
    action,
    "HOST_NOT_ALLOWED",
    "/version/allowed_hosts/1",
  ],
  [
    "any host among others",
    { authType: "NONE", authConfig: {}, allowedHosts: ["*", "a.example"] },
    action,
    "SHAPE_INVALID",
    "/version/allowed_hosts/0",
  ],
  ["no test request", { testRequest: null }, action, "TEST_REQUEST_MISSING", "/version/test_request"],
  [
    "a test request without a status",
    { testRequest: { method: "GET", path: "/" } },
    action,
    "REQUEST_INVALID",
    "/version/test_request/expectedStatus",
  ],
  [
    "a test request to a whole URL",
    { testRequest: { method: "GET", path: "https://x", expectedStatus: [200] } },
    action,
    "REQUEST_INVALID",
    "/version/test_request/path",
  ],
  ["no action", {}, undefined, "ACTIONS_MISSING", "/actions"],
  ["an action without a request", {}, { ...action, request: null }, "REQUEST_INVALID", "/actions/0/request"],
  ["a method nobody knows", {}, changedAction({ method: "TRACE" }), "REQUEST_INVALID", "/actions/0/request/method"],
  [
    "a path parameter that is not required",
    {},
    changedAction({ path: "/{note}" }),
    "REQUEST_INVALID",
    "/actions/0/request/path",
  ],
  ["a brace alone", {}, changedAction({ path: "/{id" }), "REQUEST_INVALID", "/actions/0/request/path"],
  [
    "a header that is none",
    {},
    changedAction({ headers: { "a b": "c" } }),
    "REQUEST_INVALID",
    "/actions/0/request/headers/a b",
  ],
  ["a field of a request nobody knows", {}, changedAction({ url: "/" }), "REQUEST_INVALID", "/actions/0/request/url"],
  [
    "a reference outside the input",
    {},
    changedAction({ body: { a: { $ref: "/run/id" } } }),
    "REF_INVALID",
    "/actions/0/request/body/a/$ref",
  ],
  [
    "a reference to what the input cannot have",
    {},
    changedAction({ query: { a: { $ref: "/input/b" } } }),
    "REF_UNKNOWN_PROPERTY",
    "/actions/0/request/query/a/$ref",
  ],
  ["a malformed operator", {}, changedAction({ body: [{ $text: 1 }] }), "REF_INVALID", "/actions/0/request/body/0"],
  [
    "a keyword outside the subset",
    {},
    { ...action, inputSchema: { required: ["id"], pattern: "x" }, request: { method: "GET", path: "/" } },
    "SCHEMA_UNSUPPORTED",
    "/actions/0/input_schema/pattern",
  ],
  [
    "an output schema that is none",
    {},
    { ...action, outputSchema: { type: "text" } },
    "SCHEMA_INVALID",
    "/actions/0/output_schema/type",
  ],
];

test.for(FAULTS)("%s has its code and its place", ([, changes, of, code, pointer]) => {
  const problems = validateAppVersion({ ...version, ...changes }, of === undefined ? [] : [of], rules);

  expect(problems).toContainEqual({ pointer, code, message: expect.any(String) });
});

test("all faults are told in one pass, at most 100", () => {
  const bad = Array.from({ length: 90 }, () => ({ ...action, inputSchema: { pattern: "x" }, request: null }));

  const problems = validateAppVersion({ ...version, allowedHosts: [] }, bad, rules);

  expect(problems).toHaveLength(100);
  expect(problems[0]?.pointer).toBe("/version/allowed_hosts");
  expect(new Set(problems.map(({ code }) => code))).toEqual(
    new Set(["SHAPE_INVALID", "HOST_NOT_ALLOWED", "SCHEMA_UNSUPPORTED", "REQUEST_INVALID"]),
  );
});
