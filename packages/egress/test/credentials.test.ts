import { describe, expect, test } from "vitest";
import { createEgress, type EgressRequest, isAllowedHost, parseEgressAllow } from "../src/index.ts";
import { openServer, recordingDial } from "./outside.ts";

const credential = { headers: { Authorization: "Bearer s3cret" }, query: { key: "a b&c" } };

/** Everything resolves to a public address; no TLS on the way to the server in the outside world's place. */
async function openOutside(allow = "") {
  const server = await openServer((_request, response) => response.end());
  const { dial, dials } = recordingDial(server.port);
  const egress = createEgress({ allow: parseEgressAllow(allow).entries, resolve: async () => ["93.184.215.14"], dial });
  const send = (over: Partial<EgressRequest>) =>
    egress.send({
      method: "GET",
      url: "https://api.example.com/v1",
      allowedHosts: ["api.example.com"],
      credential,
      ...over,
    });
  return { server, dials, send };
}

describe("a credential", () => {
  test("goes to an allowed host over TLS, in the place of what the request says under the same names", async () => {
    const { server, send } = await openOutside();

    const outcome = await send({
      url: "https://api.example.com/v1?key=mine&x=1&k%65y=again",
      headers: { authorization: "Bearer mine" },
    });

    expect(outcome).toMatchObject({ outcome: "answered", url: "https://api.example.com/v1?key=mine&x=1&k%65y=again" });
    expect(server.requests[0]?.path).toBe("/v1?x=1&key=a%20b%26c");
    expect(server.requests[0]?.headers.authorization).toBe("Bearer s3cret");
  });

  test("does not go over plain http", async () => {
    const { dials, send } = await openOutside();

    const outcome = await send({ url: "http://api.example.com/v1" });

    expect(outcome).toMatchObject({ stage: "POLICY", code: "URL_INVALID", rule: "SCHEME" });
    expect(dials).toEqual([]);
  });

  test.for(["api.example.com:80", "93.184.215.0/24:80"])("goes over plain http to what %s opens", async (entry) => {
    const { server, send } = await openOutside(entry);

    await send({ url: "http://api.example.com/v1" });

    expect(server.requests[0]?.headers.authorization).toBe("Bearer s3cret");
  });

  test.for([{ allowedHosts: ["other.example.com"] }, { allowedHosts: ["*"] }, { allowedHosts: [] }])(
    "does not go to a host outside $allowedHosts [CVE-2026-56348]",
    async ({ allowedHosts }) => {
      const { dials, send } = await openOutside("api.example.com:443");

      const outcome = await send({ allowedHosts });

      expect(outcome).toMatchObject({ stage: "POLICY", code: "HOST_NOT_ALLOWED" });
      expect(dials).toEqual([]);
    },
  );

  test("does not go to a host that is the request's but not its own", async () => {
    const { dials, send } = await openOutside();

    const outcome = await send({ credential: { ...credential, allowedHosts: ["other.example.com"] } });

    expect(outcome).toMatchObject({ stage: "POLICY", code: "HOST_NOT_ALLOWED" });
    expect(dials).toEqual([]);
  });

  test("that cannot stand in a header or a URL is refused without a trace of it", async () => {
    const { dials, send } = await openOutside();

    const broken = await send({ credential: { headers: { authorization: "s3cret\r\nx: y" }, query: {} } });
    const halved = await send({ credential: { headers: {}, query: { key: "s3cret\ud800" } } });

    expect([broken, halved]).toMatchObject([{ code: "REQUEST_INVALID" }, { code: "REQUEST_INVALID" }]);
    expect(JSON.stringify([broken, halved])).not.toContain("s3cret");
    expect(dials).toEqual([]);
  });
});

describe("an allowed host", () => {
  test.for([
    ["api.example.com", "api.example.com", true],
    ["api.example.com", "example.com", false],
    ["api.example.com.", "api.example.com", false],
    ["a.example.com", "*.example.com", true],
    ["a.b.example.com", "*.example.com", true],
    ["example.com", "*.example.com", false],
    [".example.com", "*.example.com", false],
    ["evilexample.com", "*.example.com", false],
    ["example.com.evil.net", "*.example.com", false],
    ["10.0.0.1", "*.0.0.1", false],
    ["10.0.0.1", "10.0.0.1", true],
    ["[2606:4700::1]", "*.4700::1]", false],
    ["anything.example", "*", true],
  ] as const)("%s against %s is %s", ([hostname, allowed, expected]) => {
    expect(isAllowedHost(hostname, [allowed])).toBe(expected);
  });

  test("is asked for even when there is no credential", async () => {
    const { dials, send } = await openOutside();

    const outcome = await send({ url: "https://elsewhere.example.com/", credential: undefined });

    expect(outcome).toMatchObject({ code: "HOST_NOT_ALLOWED", hop: 0 });
    expect(dials).toEqual([]);
  });
});
