import type { ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { createEgress, type EgressRequest, parseEgressAllow } from "../src/index.ts";
import { type Handler, openServer, portOf } from "./outside.ts";

const CAP = 4_096;

/** Calls a server on loopback with small limits. */
async function call(handle: Handler, over: Partial<EgressRequest> = {}) {
  const server = await openServer(handle);
  return { server, outcome: await callPort(server.port, over) };
}

function callPort(port: number, over: Partial<EgressRequest> = {}) {
  const egress = createEgress({ allow: parseEgressAllow(`127.0.0.1:${port}`).entries });
  return egress.send({
    method: "GET",
    url: `http://127.0.0.1:${port}/`,
    allowedHosts: ["*"],
    answerBytesMax: CAP,
    ...over,
  });
}

/** A server that says exactly these bytes. */
async function openRaw(talk: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => talk(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return portOf(server.address());
}

function flood(response: ServerResponse): void {
  const pour = () => {
    while (!response.destroyed && response.write("x".repeat(1_024))) {}
    if (!response.destroyed) response.once("drain", pour);
  };
  pour();
}

describe("the cap of an answer", () => {
  test("lets through what is just as long", async () => {
    const { outcome } = await call((_request, response) => response.end("x".repeat(CAP)));

    expect(outcome).toMatchObject({ outcome: "answered", body: Buffer.from("x".repeat(CAP)) });
  });

  test("ends an announced, an endless and a chunked answer that is longer", async () => {
    const announced = await call((_request, response) => response.end("x".repeat(CAP + 1)));
    const endless = await call((_request, response) => flood(response));
    const chunked = await call((_request, response) => {
      response.write("x".repeat(CAP));
      response.end("x");
    });

    for (const { outcome } of [announced, endless, chunked]) {
      expect(outcome).toMatchObject({ outcome: "failed", stage: "HTTP", code: "RESPONSE_TOO_LARGE" });
    }
  });

  test.for([
    ["gzip", gzipSync(Buffer.alloc(CAP * 100))],
    ["x-gzip", gzipSync(Buffer.alloc(CAP * 100))],
    ["deflate", deflateSync(Buffer.alloc(CAP * 100))],
  ] as const)("holds for what a bomb in %s unpacks to", async ([coding, bomb]) => {
    const { outcome } = await call((_request, response) => {
      response.writeHead(200, { "content-encoding": coding }).end(bomb);
    });

    expect(bomb.length).toBeLessThan(CAP);
    expect(outcome).toMatchObject({ code: "RESPONSE_TOO_LARGE" });
  });

  test("holds for the head", async () => {
    const port = await openRaw((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${`x-pad: ${"x".repeat(1_000)}\r\n`.repeat(40)}`),
    );

    const outcome = await callPort(port);

    expect(outcome).toMatchObject({ stage: "HTTP", code: "RESPONSE_TOO_LARGE" });
  });
});

describe("a packed answer", () => {
  test.for([
    ["gzip", gzipSync("hello")],
    ["deflate", deflateSync("hello")],
    ["identity", Buffer.from("hello")],
    ["GZIP", gzipSync("hello")],
  ] as const)("in %s is unpacked", async ([coding, body]) => {
    const { outcome } = await call((_request, response) => {
      response.writeHead(200, { "content-encoding": coding }).end(body);
    });

    expect(outcome).toMatchObject({ outcome: "answered", body: Buffer.from("hello") });
  });

  test.for([
    ["gzip", Buffer.from("no gzip at all")],
    ["gzip", gzipSync("cut off").subarray(0, 12)],
    ["br", Buffer.from("x")],
    ["gzip, gzip", gzipSync(gzipSync("twice"))],
    ["__proto__", Buffer.from("x")],
  ] as const)("in a broken or unknown %s is refused", async ([coding, body]) => {
    const { outcome } = await call((_request, response) => {
      response.writeHead(200, { "content-encoding": coding }).end(body);
    });

    expect(outcome).toMatchObject({ outcome: "failed", stage: "HTTP", code: "RESPONSE_INVALID" });
  });

  test("is not asked for", async () => {
    const { server } = await call((_request, response) => response.end());

    expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity");
  });
});

describe("the time for everything together", () => {
  const soon = { totalMs: 200 };

  test("ends a stall before and after the head", async () => {
    const silent = await call(() => undefined, soon);
    const halfway = await call((_request, response) => response.write("x"), soon);

    for (const { outcome } of [silent, halfway]) {
      expect(outcome).toMatchObject({ outcome: "failed", stage: "HTTP", code: "TIMEOUT", isTemporary: true });
    }
  });

  test("ends a drip of bytes in body and head", async () => {
    const { outcome } = await call((_request, response) => {
      const timer = setInterval(() => response.write("x"), 20);
      response.once("close", () => clearInterval(timer));
    }, soon);
    const port = await openRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
      const timer = setInterval(() => socket.write("x"), 20);
      socket.once("close", () => clearInterval(timer));
    });
    const head = await callPort(port, soon);

    expect([outcome, head]).toMatchObject([{ code: "TIMEOUT" }, { code: "TIMEOUT" }]);
  });

  test("ends interim answers without end", async () => {
    const port = await openRaw((socket) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 5);
      socket.once("close", () => clearInterval(timer));
    });

    expect(await callPort(port, soon)).toMatchObject({ code: "TIMEOUT" });
  });

  test("spans redirects", async () => {
    const { server, outcome } = await call(
      (request, response) => {
        if (request.path === "/") response.writeHead(302, { location: "/stall" }).end();
        // The second request has to arrive within the time, on a busy machine too.
      },
      { totalMs: 1_000 },
    );

    expect(outcome).toMatchObject({ code: "TIMEOUT", hop: 1 });
    expect(server.requests).toHaveLength(2);
  });

  test("is the caller's to shorten: an abort is no outcome", async () => {
    const abort = new AbortController();
    const server = await openServer(() => abort.abort(new Error("cancelled by the caller")));

    await expect(callPort(server.port, { signal: abort.signal })).rejects.toThrow("cancelled by the caller");
  });
});

describe("a hostile answer", () => {
  test.for([
    ["no HTTP", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\ncontent-length: 0\r\n\r\n"],
    ["a header with a NUL", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    ["a body that is cut off", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx"],
    ["nothing", ""],
  ] as const)("with %s is refused", async ([, bytes]) => {
    const port = await openRaw((socket) => socket.end(bytes));

    const outcome = await callPort(port);

    expect(outcome).toMatchObject({ outcome: "failed", stage: "HTTP", code: "RESPONSE_INVALID", hop: 0 });
  });

  test("with strange headers gives them as they are, and touches nothing else", async () => {
    const port = await openRaw((socket) =>
      socket.end(
        "HTTP/1.1 200 OK\r\n__proto__: polluted\r\nconstructor: x\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nhi",
      ),
    );

    const outcome = await callPort(port);

    expect(outcome).toMatchObject({ outcome: "answered", headers: { "set-cookie": "a=1, b=2", constructor: "x" } });
    expect("polluted" in {}).toBe(false);
  });

  test("sets no cookie for the next call, which comes over a connection of its own", async () => {
    const server = await openServer((_request, response) => response.setHeader("set-cookie", "a=1").end());

    await callPort(server.port);
    await callPort(server.port);

    expect(server.requests[1]?.headers).not.toHaveProperty("cookie");
    expect(server.requests[1]?.headers.connection).toBe("close");
    expect(server.connections()).toBe(2);
  });
});

describe("a request", () => {
  test.for([
    [{ host: "other.example" }],
    [{ "Content-Length": "5" }],
    [{ "transfer-encoding": "chunked" }],
    [{ "proxy-authorization": "x" }],
    [{ "bad name": "x" }],
    [{ x: "split\r\ninjected: 1" }],
    [{ x: "nul\0" }],
    [{ x: "é" }],
    [{ x: "y".repeat(40_000) }],
    [Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, ""]))],
  ] as const)("with the headers %j is not sent", async ([headers]) => {
    const { server, outcome } = await call((_request, response) => response.end(), { headers: { ...headers } });

    expect(outcome).toMatchObject({ stage: "POLICY", code: "REQUEST_INVALID" });
    expect(server.requests).toEqual([]);
  });

  test("goes out with method, path, query, headers and body as given", async () => {
    const { server } = await call((_request, response) => response.end(), {
      method: "PATCH",
      headers: { "X-Mine": "1", "User-Agent": "mine" },
      body: "päyload",
    });

    expect(server.requests).toMatchObject([
      { method: "PATCH", path: "/", body: "päyload", headers: { "x-mine": "1", "user-agent": "mine", accept: "*/*" } },
    ]);
  });
});
