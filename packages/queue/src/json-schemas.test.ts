import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { contractSchemas, renderJsonSchema } from "./contract-schemas.ts";

const ID = "0199f0c4-7b2a-7cc3-98c4-dc0c0c07398f";
const AT = "2026-01-01T00:00:00.123+02:00";
const error = { code: "HTTP_500", message: "it broke", stepKey: "a", retryable: true, retryAfterSeconds: 1.5 };
const events = [
  { seq: 1, type: "step.started", at: AT, stepKey: "a", input: { a: [1] } },
  { seq: 2, type: "step.succeeded", at: AT, stepKey: "a", output: null },
  { seq: 3, type: "step.failed", at: AT, stepKey: "b_2", error },
  { seq: 4, type: "step.skipped", at: AT, stepKey: "c" },
  { seq: 5, type: "run.succeeded", at: AT, output: [] },
  { seq: 6, type: "run.failed", at: AT, error },
  { seq: 7, type: "run.cancelled", at: AT },
];
const bundle = {
  contractVersion: 1,
  run: {
    id: ID,
    tenantId: ID,
    workflowId: ID,
    workflowVersionId: ID,
    version: 3,
    attempt: 1,
    maxAttempts: 3,
    source: "WEBHOOK",
    startedAt: AT,
  },
  trigger: { type: "WEBHOOK", headers: { "user-agent": "x" }, deliveryId: ID, receivedAt: AT, scheduledFor: null },
  input: {},
  output: { issue: { $ref: "/input" } },
  steps: [
    {
      stepRunId: ID,
      stepKey: "a",
      position: 0,
      dependsOn: ["b"],
      input: { x: 1 },
      when: null,
      timeoutSeconds: 60,
      app: "github",
      appVersion: "1.0.0",
      action: "get",
      baseUrl: "https://api.github.com",
      allowedHosts: ["api.github.com"],
      request: { method: "GET" },
      connectionId: ID,
      authType: "BEARER",
      idempotencyKey: `${ID}:a`,
    },
  ],
  completedSteps: [{ stepKey: "b", output: 1 }],
  logs: { expiresAt: AT, linesMax: 50_000 },
  traceparent: "00-aa-bb-01",
};

/** One message per contract with every field in it. */
const messages: Record<keyof typeof contractSchemas, unknown> = {
  "run-requested": { contractVersion: 1, runId: ID, attempt: 1 },
  "run-events": { contractVersion: 1, runId: ID, attempt: 1, body: "{}", signature: "0a".repeat(32) },
  "run-events-body": { events },
  "claim-request": { contractVersion: 1, attempt: 1, runnerId: "runner-7" },
  "claim-reply": {
    leaseToken: `lt_${"A".repeat(43)}`,
    leaseExpiresAt: AT,
    heartbeatSeconds: 15,
    deadlineAt: AT,
    credentialsUrl: "https://example.com/runner/v1/runs/x/credentials",
    bundle,
  },
  "heartbeat-request": { attempt: 1 },
  "heartbeat-reply": { leaseExpiresAt: AT, deadlineAt: AT, appliedSeq: 0, cancelRequested: false },
  "events-request": { contractVersion: 1, attempt: 1, events },
  "events-reply": { appliedSeq: 7, status: "SUCCEEDED", cancelRequested: false, leaseExpiresAt: null },
  "credentials-request": { attempt: 1, connectionId: ID },
  "credentials-reply": {
    connectionId: ID,
    authType: "BEARER",
    headers: { authorization: "Bearer …" },
    query: {},
    allowedHosts: ["api.example.com"],
    expiresAt: null,
  },
  "credential-refusal": { code: "CREDENTIAL_UNAVAILABLE", stage: "TOKEN", cause: "TOKEN_REJECTED" },
};

const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  1,
  -1,
  1.5,
  2,
  2 ** 53,
  "",
  "x",
  "A",
  "a".repeat(63),
  "a".repeat(64),
  "x".repeat(200),
  "x".repeat(201),
  "😀".repeat(200),
  "😀".repeat(201),
  "x".repeat(2_000),
  "x".repeat(2_001),
  "😀".repeat(2_000),
  "😀".repeat(2_001),
  ID,
  `${ID}0`,
  AT,
  "2026-02-30T00:00:00Z",
  "2026-01-01",
  "2026-01-01T00:00:00",
  "lt_",
  "RUNNING",
  "https://example.com",
  "run.failed",
  "step.started",
  [],
  [1],
  {},
  { a: 1 },
  [{}],
];

/** The message with one thing changed, everywhere: left out, put in, or in another's place. */
function* variantsOf(value: unknown): Generator<unknown> {
  yield* STRANGE;
  if (Array.isArray(value)) {
    yield [...value, ...value];
    yield Array(101).fill(value[0] ?? null);
    for (const [index, item] of value.entries())
      for (const variant of variantsOf(item)) yield value.with(index, variant);
  } else if (typeof value === "object" && value !== null) {
    yield { ...value, unknownField: 1 };
    for (const [key, member] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
      for (const variant of variantsOf(member)) yield { ...value, [key]: variant };
    }
  }
}

const names = z.array(z.enum(Object.keys(messages))).parse(Object.keys(contractSchemas));
const fileOf = (name: string): string =>
  readFileSync(new URL(`../schemas/${name}.schema.json`, import.meta.url), "utf8");

describe.each(names)("the JSON Schema of %s", (name) => {
  const schema = Object.entries(contractSchemas).find(([key]) => key === name)?.[1] ?? z.never();
  const message = Object.entries(messages).find(([key]) => key === name)?.[1];

  test("is the committed file", () => {
    expect(fileOf(name)).toBe(renderJsonSchema(schema));
  });

  test("accepts what zod accepts and refuses what zod refuses", () => {
    // Patterns say the same as the formats of ids and times.
    const ajv = new Ajv2020({ formats: { uri: (text: string) => URL.canParse(text), uuid: true, "date-time": true } });
    const accepts = ajv.compile(JSON.parse(fileOf(name)));
    const counts = { good: 0, bad: 0 };

    expect(accepts(message), ajv.errorsText(accepts.errors)).toBe(true);
    expect(schema.safeParse(message).success).toBe(true);
    for (const variant of variantsOf(message)) {
      const good = schema.safeParse(variant).success;
      if (accepts(variant) !== good) expect.fail(`zod says ${good} of ${JSON.stringify(variant).slice(0, 2_000)}`);
      counts[good ? "good" : "bad"] += 1;
    }

    expect(counts.good).toBeGreaterThan(0);
    expect(counts.bad).toBeGreaterThan(20);
  });
});

test("there is a JSON Schema for every contract and for nothing else", () => {
  const files = readdirSync(new URL("../schemas/", import.meta.url));

  expect(files.sort()).toEqual(names.map((name) => `${name}.schema.json`).sort());
});

test("an output is limited in bytes, which JSON Schema cannot say", () => {
  const schema = contractSchemas["run-events-body"];
  const succeed = (output: unknown) =>
    schema.safeParse({ events: [{ seq: 1, type: "run.succeeded", at: AT, output }] }).success;

  expect(succeed("ä".repeat((1_064_960 - 2) / 2))).toBe(true);
  expect(succeed("ä".repeat(1_064_960 / 2))).toBe(false);
  expect(succeed(JSON.parse(`${"[".repeat(512)}${"]".repeat(512)}`))).toBe(true);
  expect(succeed(JSON.parse(`${"[".repeat(513)}${"]".repeat(513)}`))).toBe(false);
});
