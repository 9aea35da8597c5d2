/** A JSON Schema of the subset that definitions may use; `packages/runs` interprets it. */
export type CatalogueSchema = Readonly<Record<string, unknown>>;

export type CatalogueAction = {
  key: string;
  name: string;
  description: string;
  timeoutSeconds?: number;
  inputSchema: CatalogueSchema;
  outputSchema: CatalogueSchema;
  /** A declarative HTTP call; absent = built into the runner. */
  request?: {
    method: "GET" | "POST";
    path: string;
    query: Readonly<Record<string, unknown>>;
    headers: Readonly<Record<string, string>>;
    body?: unknown;
  };
};

export type CatalogueApp = {
  slug: string;
  name: string;
  description: string;
  version: {
    version: "1.0.0";
    authType: "NONE" | "BEARER";
    authConfig: Readonly<Record<string, unknown>>;
    baseUrl?: string;
    allowedHosts: readonly string[];
    testRequest?: Readonly<Record<string, unknown>>;
  };
  actions: readonly CatalogueAction[];
};

const anyJson: CatalogueSchema = {};

/** What a declarative call and `http.request` give: status, the allowed headers, and the body as JSON or text. */
function httpAnswer(body: CatalogueSchema): CatalogueSchema {
  return {
    type: "object",
    required: ["status", "headers", "body"],
    additionalProperties: false,
    properties: {
      status: { type: "integer", minimum: 100, maximum: 599 },
      headers: {
        type: "object",
        properties: {
          "content-type": { type: "string" },
          etag: { type: "string" },
          location: { type: "string" },
          "retry-after": { type: "string" },
        },
        additionalProperties: true,
      },
      body,
    },
  };
}

const core: CatalogueApp = {
  slug: "core",
  name: "Core",
  description: "Building blocks that need no outside service.",
  version: { version: "1.0.0", authType: "NONE", authConfig: {}, allowedHosts: ["*"] },
  actions: [
    {
      key: "echo",
      name: "Echo",
      description: "Gives its input back as output.",
      inputSchema: { type: "object" },
      outputSchema: { type: "object" },
    },
    {
      key: "log",
      name: "Log",
      description: "Writes one line to the run's log.",
      inputSchema: {
        type: "object",
        required: ["message"],
        additionalProperties: false,
        properties: {
          level: { type: "string", enum: ["DEBUG", "INFO", "WARN", "ERROR"], default: "INFO" },
          message: { type: "string", maxLength: 8192 },
          fields: { type: "object" },
        },
      },
      outputSchema: { type: "object" },
    },
    {
      key: "sleep",
      name: "Sleep",
      description: "Waits; ends at once when the run is cancelled.",
      timeoutSeconds: 3600,
      inputSchema: {
        type: "object",
        required: ["seconds"],
        additionalProperties: false,
        properties: { seconds: { type: "number", minimum: 0, maximum: 3600 } },
      },
      outputSchema: { type: "object" },
    },
    {
      key: "fail",
      name: "Fail",
      description: "Fails the step, to try out error handling.",
      inputSchema: {
        type: "object",
        additionalProperties: false,
        properties: {
          code: { type: "string", minLength: 1, maxLength: 64, default: "FAILED_ON_PURPOSE" },
          message: { type: "string", maxLength: 2000 },
          retryable: { type: "boolean", default: false },
        },
      },
      outputSchema: anyJson,
    },
  ],
};

const http: CatalogueApp = {
  slug: "http",
  name: "HTTP",
  description: "Calls any public HTTP address.",
  version: { version: "1.0.0", authType: "NONE", authConfig: {}, allowedHosts: ["*"] },
  actions: [
    {
      key: "request",
      name: "Request",
      description: "Sends one HTTP request and gives its answer.",
      inputSchema: {
        type: "object",
        required: ["url"],
        additionalProperties: false,
        properties: {
          method: { type: "string", enum: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], default: "GET" },
          url: { type: "string", format: "uri", maxLength: 2000 },
          headers: { type: "object" },
          body: anyJson,
        },
      },
      outputSchema: httpAnswer(anyJson),
    },
  ],
};

const slack: CatalogueApp = {
  slug: "slack",
  name: "Slack",
  description: "Posts messages as a Slack app.",
  version: {
    version: "1.0.0",
    authType: "BEARER",
    authConfig: { prefix: "Bearer" },
    baseUrl: "https://slack.com",
    allowedHosts: ["slack.com"],
    testRequest: {
      method: "POST",
      path: "/api/auth.test",
      expectedStatus: [200],
      assert: { pointer: "/ok", equals: true },
    },
  },
  actions: [
    {
      key: "post_message",
      name: "Post message",
      description: "Posts a message to a channel.",
      inputSchema: {
        type: "object",
        required: ["channel", "text"],
        additionalProperties: false,
        properties: {
          channel: { type: "string", minLength: 1, maxLength: 255 },
          text: { type: "string", minLength: 1, maxLength: 40_000 },
        },
      },
      outputSchema: httpAnswer({
        type: "object",
        properties: {
          ok: { type: "boolean" },
          channel: { type: "string" },
          ts: { type: "string" },
          error: { type: "string" },
        },
      }),
      request: {
        method: "POST",
        path: "/api/chat.postMessage",
        query: {},
        headers: { "content-type": "application/json; charset=utf-8" },
        body: { channel: { $ref: "/input/channel" }, text: { $ref: "/input/text" } },
      },
    },
  ],
};

const repositoryProperties = {
  owner: { type: "string", minLength: 1, maxLength: 100 },
  repo: { type: "string", minLength: 1, maxLength: 100 },
};

const githubHeaders = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };

const github: CatalogueApp = {
  slug: "github",
  name: "GitHub",
  description: "Reads repositories and opens issues.",
  version: {
    version: "1.0.0",
    authType: "BEARER",
    authConfig: { prefix: "Bearer" },
    baseUrl: "https://api.github.com",
    allowedHosts: ["api.github.com"],
    testRequest: { method: "GET", path: "/user", expectedStatus: [200] },
  },
  actions: [
    {
      key: "get_repository",
      name: "Get repository",
      description: "Reads one repository.",
      inputSchema: {
        type: "object",
        required: ["owner", "repo"],
        additionalProperties: false,
        properties: repositoryProperties,
      },
      outputSchema: httpAnswer({
        type: "object",
        properties: {
          id: { type: "integer" },
          name: { type: "string" },
          full_name: { type: "string" },
          html_url: { type: "string" },
          default_branch: { type: "string" },
          private: { type: "boolean" },
        },
      }),
      request: { method: "GET", path: "/repos/{owner}/{repo}", query: {}, headers: githubHeaders },
    },
    {
      key: "create_issue",
      name: "Create issue",
      description: "Opens an issue in a repository.",
      inputSchema: {
        type: "object",
        required: ["owner", "repo", "title"],
        additionalProperties: false,
        properties: {
          ...repositoryProperties,
          title: { type: "string", minLength: 1, maxLength: 256 },
          text: { type: "string", maxLength: 65_536 },
        },
      },
      outputSchema: httpAnswer({
        type: "object",
        properties: { id: { type: "integer" }, number: { type: "integer" }, html_url: { type: "string" } },
      }),
      request: {
        method: "POST",
        path: "/repos/{owner}/{repo}/issues",
        query: {},
        headers: githubHeaders,
        body: { title: { $ref: "/input/title" }, body: { $ref: "/input/text", default: "" } },
      },
    },
  ],
};

/** The global catalogue. */
export const catalogue: readonly CatalogueApp[] = [core, http, slack, github];
