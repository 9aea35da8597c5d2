import { describe, expect, test } from "vitest";
import { checkUrl, egressAllowTexts, egressConfig, parseEgressAllow } from "../src/index.ts";

describe("EGRESS_ALLOW", () => {
  test("is empty by default", () => {
    expect(egressConfig.EGRESS_ALLOW.parse(undefined)).toEqual([]);
  });

  test("takes names, addresses and networks, each with a port", () => {
    const { entries, problems } = parseEgressAllow(
      " ERP.corp.example:8080 ,10.20.0.0/16:443,127.0.0.1:9000,[::1]:9000,[fd00::/8]:443,fd00:1::/32:80,",
    );

    expect(problems).toEqual([]);
    expect(egressAllowTexts(entries)).toEqual([
      "ERP.corp.example:8080",
      "10.20.0.0/16:443",
      "127.0.0.1:9000",
      "[::1]:9000",
      "[fd00::/8]:443",
      "fd00:1::/32:80",
    ]);
  });

  test.for([
    "erp.corp.example",
    "erp.corp.example:0",
    "erp.corp.example:65536",
    "*:443",
    "*.corp.example:443",
    ":443",
    "http://erp.corp.example:80",
    "10.20.3.4/16:80",
    "10.20.0.0/33:80",
    "::1:9000",
    "[erp.corp.example]:80",
    "erp.corp.example.:80",
  ])("refuses %s", (entry) => {
    const { entries, problems } = parseEgressAllow(`127.0.0.1:80,${entry}`);

    expect(entries).toHaveLength(1);
    expect(problems).toEqual([`${entry} is neither host:port nor CIDR:port`]);
    expect(egressConfig.EGRESS_ALLOW.safeParse(entry).success).toBe(false);
  });
});

describe("a URL that is to be kept", () => {
  const check = (url: string, allow = "", needsTls = true) =>
    checkUrl({ allow: parseEgressAllow(allow).entries }, url, { allowedHosts: ["*"], needsTls });

  test.for([
    ["https://api.example.com/", "", true],
    ["http://api.example.com/", "", false],
    ["https://api.example.com:8443/", "", true],
    ["http://127.0.0.1:9000/", "127.0.0.1:9000", true],
    ["http://erp.internal:9000/", "erp.internal:9000", true],
    ["http://erp.internal:9000/", "10.0.0.0/8:9000", true],
  ] as const)("passes: %s with %s, needing TLS: %s", ([url, allow, needsTls]) => {
    expect(check(url, allow, needsTls)).toBeUndefined();
  });

  test.for([
    ["http://api.example.com/", "", "URL_INVALID"],
    ["nonsense", "", "URL_INVALID"],
    ["https://user@api.example.com/", "", "URL_INVALID"],
    ["https://api.example.com:6379/", "", "PORT_NOT_ALLOWED"],
    ["https://erp.internal/", "", "ADDRESS_BLOCKED"],
    ["https://10.0.0.1/", "", "ADDRESS_BLOCKED"],
    ["https://10.0.0.1/", "10.0.0.0/8:80", "ADDRESS_BLOCKED"],
    ["https://127.0.0.1:9000/", "127.0.0.2:9000", "PORT_NOT_ALLOWED"],
    [`https://api.example.com/${"a".repeat(9_000)}`, "", "URL_INVALID"],
  ] as const)("is refused: %s with %s", ([url, allow, code]) => {
    expect(check(url, allow)).toMatchObject({ outcome: "failed", stage: "POLICY", code });
  });
});
