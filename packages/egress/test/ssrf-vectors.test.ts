import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createEgress, type FailureCode, parseEgressAllow } from "../src/index.ts";
import { openCanary, openServer, recordingDial, scriptedResolve } from "./outside.ts";

const port = z.union([z.number(), z.literal("{port}")]);
const rowSchema = z.strictObject({
  id: z.string(),
  class: z.string(),
  url: z.string(),
  hostname: z.string().nullable(),
  note: z.string().optional(),
  resolver: z.record(z.string(), z.array(z.array(z.string()))).default({}),
  responses: z.array(z.strictObject({ status: z.number(), location: z.string().optional() })).default([]),
  egressAllow: z.array(z.string()).default([]),
  expect: z.enum(["allowed", "blocked"]),
  stage: z.enum(["URL", "SCHEME", "PORT", "NAME", "ADDRESS", "DNS", "REDIRECT"]).optional(),
  hop: z.number().default(0),
  cause: z.enum(["URL", "SCHEME", "PORT", "NAME", "ADDRESS", "DNS", "TOO_MANY"]).optional(),
  dials: z.array(z.strictObject({ host: z.string(), address: z.string(), port })).default([]),
});
const fileSchema = z.object({
  header: z.object({ counts: z.object({ total: z.number() }) }),
  urls: z.array(rowSchema),
});

type Row = z.infer<typeof rowSchema>;

const file = join(import.meta.dirname, "../../testkit/vectors/ssrf-urls.json");
const { header, urls } = fileSchema.parse(JSON.parse(readFileSync(file, "utf8")));

const CODE_OF = {
  URL: "URL_INVALID",
  SCHEME: "URL_INVALID",
  PORT: "PORT_NOT_ALLOWED",
  NAME: "ADDRESS_BLOCKED",
  ADDRESS: "ADDRESS_BLOCKED",
  DNS: "ADDRESS_BLOCKED",
  TOO_MANY: "TOO_MANY_REDIRECTS",
} as const satisfies Record<string, FailureCode>;

/** What the row says of a refused call. */
function expectedFailure(row: Row) {
  const rule = row.stage === "REDIRECT" ? row.cause : row.stage;
  if (rule === undefined) throw new Error(`${row.id} does not say what refuses it`);
  const hasNoAddress = rule === "DNS" && row.resolver[row.hostname ?? ""]?.[0]?.length === 0;
  return {
    outcome: "failed",
    code: hasNoAddress ? "DNS_NOT_FOUND" : CODE_OF[rule],
    rule: rule === "TOO_MANY" ? undefined : rule,
    hop: row.hop,
  };
}

describe("what may be dialled [CVE-2026-42449] [CVE-2026-104973] [CVE-2026-72855] [CVE-2026-68558]", () => {
  test("the file is complete", () => {
    expect(urls).toHaveLength(header.counts.total);
    expect(urls.length).toBeGreaterThanOrEqual(194);
  });

  test.for(urls)("$id $url", async (row) => {
    const canary = await openCanary();
    const outside = await openServer((_request, response, index) => {
      const { status = 200, location } = row.responses[index] ?? {};
      response.writeHead(status, location === undefined ? {} : { location: withPort(location) }).end();
    });
    const withPort = (text: string) => text.replaceAll("{port}", String(canary.port));
    const { dial, dials } = recordingDial(outside.port);
    const egress = createEgress({
      allow: parseEgressAllow(row.egressAllow.map(withPort).join(",")).entries,
      resolve: scriptedResolve(row.resolver),
      dial,
      // The canary's port too: only the rule of the row may stop the call.
      ports: [80, 443, 8443, canary.port],
    });

    const outcome = await egress.send({ method: "GET", url: withPort(row.url), allowedHosts: ["*"] });

    expect(outcome).toMatchObject(
      row.expect === "allowed" ? { outcome: "answered", status: 200 } : expectedFailure(row),
    );
    expect(dials).toEqual(
      row.dials.map((dialled) => ({ ...dialled, port: dialled.port === "{port}" ? canary.port : dialled.port })),
    );
    const touches = row.dials.filter(({ address }) => address.startsWith("127.")).length;
    expect(canary.connections()).toBe(touches);
  });
});
