import { describe, expect, test } from "vitest";
import { createEgress, type EgressRequest, parseEgressAllow } from "../src/index.ts";
import { type Handler, openServer } from "./outside.ts";

const answerOk: Handler = (_request, response) => response.end("done");

function redirectTo(location: string, status = 302): Handler {
  return (request, response) => {
    if (request.path.startsWith("/start")) response.writeHead(status, { location }).end("not this");
    else answerOk(request, response, 0);
  };
}

function egressTo(...ports: readonly number[]) {
  return createEgress({ allow: parseEgressAllow(ports.map((port) => `127.0.0.1:${port}`).join(",")).entries });
}

function request(port: number, over: Partial<EgressRequest> = {}): EgressRequest {
  return {
    method: "GET",
    url: `http://127.0.0.1:${port}/start`,
    allowedHosts: ["127.0.0.1"],
    credential: { headers: { authorization: "Bearer s3cret-token" }, query: { api_key: "s3cret-key" } },
    ...over,
  };
}

describe("a redirect", () => {
  test("inside the origin keeps the credential", async () => {
    const server = await openServer(redirectTo("/next?page=2"));

    const outcome = await egressTo(server.port).send(request(server.port));

    expect(outcome).toMatchObject({ outcome: "answered", status: 200, hop: 1 });
    expect(server.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ["/start?api_key=s3cret-key", "Bearer s3cret-token"],
      ["/next?page=2&api_key=s3cret-key", "Bearer s3cret-token"],
    ]);
  });

  test("to another port leaves credential, cookie and unknown headers behind", async () => {
    const other = await openServer(answerOk);
    const server = await openServer(redirectTo(`http://127.0.0.1:${other.port}/landing?echoed=s3cret-key&page=2`));
    const headers = { Cookie: "session=1", "X-Api-Key": "typed-by-hand", Accept: "text/plain", "Idempotency-Key": "k" };

    const outcome = await egressTo(server.port, other.port).send(request(server.port, { headers }));

    expect(outcome).toMatchObject({ outcome: "answered", hop: 1 });
    expect(server.requests[0]?.headers).toMatchObject({ cookie: "session=1", "x-api-key": "typed-by-hand" });
    expect(other.requests[0]?.path).toBe("/landing?page=2");
    expect(Object.keys(other.requests[0]?.headers ?? {}).toSorted()).toEqual([
      "accept",
      "accept-encoding",
      "connection",
      "host",
      "idempotency-key",
      "user-agent",
    ]);
  });

  test("to another name on the same address and port leaves them behind too [CVE-2026-56348]", async () => {
    const server = await openServer((incoming, response) => {
      if (incoming.path.startsWith("/start"))
        redirectTo(`http://other.example:${server.port}/landing`)(incoming, response, 0);
      else response.end();
    });
    const allow = parseEgressAllow(`127.0.0.1:${server.port}`).entries;
    const egress = createEgress({ allow, resolve: async () => ["127.0.0.1"] });

    await egress.send(
      request(server.port, { url: `http://one.example:${server.port}/start`, allowedHosts: ["*.example"] }),
    );

    expect(server.requests.map(({ path, headers }) => [path, headers.host, headers.authorization])).toEqual([
      ["/start?api_key=s3cret-key", `one.example:${server.port}`, "Bearer s3cret-token"],
      ["/landing", `other.example:${server.port}`, undefined],
    ]);
  });

  test("back to the first origin does not bring the credential back", async () => {
    const back: { port: number } = { port: 0 };
    const other = await openServer((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${back.port}/end` }).end();
    });
    const server = await openServer(redirectTo(`http://127.0.0.1:${other.port}/`, 307));
    back.port = server.port;

    const outcome = await egressTo(server.port, other.port).send(request(server.port));

    expect(outcome).toMatchObject({ outcome: "answered", hop: 2 });
    expect(server.requests[1]?.path).toBe("/end");
    expect(server.requests[1]?.headers.authorization).toBeUndefined();
  });

  test.for([301, 302, 307, 308])("%i keeps method and body", async (status) => {
    const server = await openServer(redirectTo("/next", status));

    await egressTo(server.port).send(request(server.port, { method: "POST", body: "payload" }));

    expect(server.requests[1]).toMatchObject({ method: "POST", body: "payload" });
  });

  test.for([
    ["POST", "GET"],
    ["DELETE", "GET"],
    ["HEAD", "HEAD"],
  ] as const)("303 after %s asks with %s and without a body", async ([method, next]) => {
    const server = await openServer(redirectTo("/next", 303));
    const body = method === "HEAD" ? undefined : "payload";

    await egressTo(server.port).send(
      request(server.port, { method, body, headers: { "Content-Type": "text/plain", "Content-Language": "en" } }),
    );

    expect(server.requests[1]).toMatchObject({ method: next, body: "" });
    expect(server.requests[1]?.headers).not.toHaveProperty("content-type");
    expect(server.requests[1]?.headers).not.toHaveProperty("content-language");
  });

  test("is not followed when the caller allows none", async () => {
    const server = await openServer(redirectTo("/next", 307));

    const outcome = await egressTo(server.port).send(
      request(server.port, { method: "POST", body: "client_secret=s3cret", redirectsMax: 0 }),
    );

    expect(outcome).toMatchObject({ stage: "HTTP", code: "TOO_MANY_REDIRECTS", hop: 1 });
    expect(server.requests).toHaveLength(1);
  });

  test("without a Location, or of a kind that is none, is an answer", async () => {
    const server = await openServer((incoming, response) => {
      response.writeHead(incoming.path.startsWith("/304") ? 304 : 302).end();
    });
    const egress = egressTo(server.port);

    const without = await egress.send(request(server.port));
    const notModified = await egress.send(request(server.port, { url: `http://127.0.0.1:${server.port}/304` }));

    expect(without).toMatchObject({ outcome: "answered", status: 302 });
    expect(notModified).toMatchObject({ outcome: "answered", status: 304 });
  });

  test("to two places is refused", async () => {
    const server = await openServer((_request, response) => {
      response.writeHead(302, [
        ["location", "/one"],
        ["location", "/two"],
      ]);
      response.end();
    });

    const outcome = await egressTo(server.port).send(request(server.port));

    expect(outcome).toMatchObject({ code: "RESPONSE_INVALID", hop: 0 });
  });

  test.for(["http://", "http://u:p@127.0.0.1/", "http://[::1", "ftp://127.0.0.1/", "data:,x"])(
    "to %s is refused",
    async (location) => {
      const server = await openServer(redirectTo(location));

      const outcome = await egressTo(server.port).send(request(server.port));

      expect(outcome).toMatchObject({ outcome: "failed", stage: "POLICY", code: "URL_INVALID", hop: 1 });
    },
  );
});
