import { describe, expect, test } from "vitest";
import { createEgress, createResolve } from "../src/index.ts";
import { type DnsAnswer, openDns } from "./dns-double.ts";
import { recordingDial } from "./outside.ts";

const V6 = "2606:4700:4700:0:0:0:0:1111";

async function resolveWith(answer: (name: string, type: "A" | "AAAA") => DnsAnswer, dnsMs?: number) {
  return createResolve({ servers: [await openDns(answer)], ...(dnsMs === undefined ? {} : { dnsMs }) });
}

function options(over: { isListed?: boolean; signal?: AbortSignal } = {}) {
  return { isListed: false, signal: AbortSignal.timeout(20_000), ...over };
}

describe("a look-up", () => {
  test("gives the addresses of both families, IPv4 first", async () => {
    const resolve = await resolveWith((_name, type) => (type === "A" ? ["93.184.215.14", "8.8.8.8"] : [V6]));

    const addresses = await resolve("api.example.com", options());

    expect(addresses.toSorted()).toEqual(["2606:4700:4700::1111", "8.8.8.8", "93.184.215.14"]);
    expect(addresses[2]).toContain(":");
  });

  test("of a name that does not exist, or has no address, gives none", async () => {
    const resolve = await resolveWith((name) => (name.startsWith("absent") ? "NXDOMAIN" : []));

    expect(await resolve("absent.example.com", options())).toEqual([]);
    expect(await resolve("empty.example.com", options())).toEqual([]);
  });

  test("fails when one family cannot be asked: an unknown address is not an allowed one", async () => {
    const resolve = await resolveWith((_name, type) => (type === "A" ? ["93.184.215.14"] : "SERVFAIL"));

    await expect(resolve("half.example.com", options())).rejects.toMatchObject({ code: "DNS_NOT_FOUND" });
  });

  test("ends at its limit when the name server is silent", async () => {
    const resolve = await resolveWith(() => "silence", 100);

    await expect(resolve("slow.example.com", options())).rejects.toMatchObject({ code: "DNS_TIMEOUT" });
  });

  test("ends with the call it belongs to", async () => {
    const abort = new AbortController();
    const resolve = await resolveWith(() => {
      abort.abort(new Error("over"));
      return "silence";
    });

    await expect(resolve("slow.example.com", options({ signal: abort.signal }))).rejects.toThrow("over");
  });

  test("of a name that tenants choose knows no hosts file", async () => {
    const resolve = await resolveWith(() => "NXDOMAIN");

    expect(await resolve("localhost", options())).toEqual([]);
    expect(await resolve("localhost", options({ isListed: true }))).toContain("127.0.0.1");
  });
});

test("answers that change between look-ups never lead to the address that was not judged [CVE-2026-42449] [CVE-2026-104973] [CVE-2026-72855] [CVE-2026-68558]", async () => {
  let asked = 0;
  const resolve = await resolveWith((_name, type) => {
    if (type === "AAAA") return [];
    asked += 1;
    return asked === 1 ? ["93.184.215.14"] : ["127.0.0.1"];
  });
  const { dial, dials } = recordingDial(0);
  const egress = createEgress({ allow: [], resolve, dial });
  const request = { method: "GET", url: "http://flip.example.com/", allowedHosts: ["*"] } as const;

  await egress.send(request);
  const second = await egress.send(request);

  expect(dials).toEqual([{ host: "flip.example.com", address: "93.184.215.14", port: 80 }]);
  expect(second).toMatchObject({ stage: "POLICY", code: "ADDRESS_BLOCKED", rule: "DNS" });
  expect(asked).toBe(2);
});
