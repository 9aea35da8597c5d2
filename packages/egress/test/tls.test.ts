import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createDial, createEgress, parseEgressAllow } from "../src/index.ts";
import { type Certificate, createAuthority, createCertificate } from "./certificate.ts";
import { portOf } from "./outside.ts";

const authority = createAuthority("the tests' authority");

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return portOf(server.address());
}

/** An HTTPS server that greets with the server name it was asked for. */
async function openTls(certificate: Certificate) {
  const asked: { servername: unknown; protocol: unknown }[] = [];
  const server = createHttpsServer({ ...certificate, ALPNProtocols: ["h2", "http/1.1"] }, (_request, response) => {
    response.end("secure");
  });
  server.on("secureConnection", (socket) => {
    asked.push({ servername: socket.servername, protocol: socket.alpnProtocol });
  });
  return { port: await listen(server), asked };
}

function call(port: number, host: string, options: Parameters<typeof createDial>[0] = { ca: authority.cert }) {
  const egress = createEgress({
    allow: parseEgressAllow(`127.0.0.1:${port}`).entries,
    resolve: async () => ["127.0.0.1"],
    dial: createDial(options),
  });
  return egress.send({
    method: "GET",
    url: `https://${host}:${port}/`,
    allowedHosts: ["*"],
  });
}

test.for([
  ["api.example.com", "api.example.com"],
  ["api.example.com.", "api.example.com"],
  ["127.0.0.1", false],
])(
  "a trusted certificate for %s lets the request through over HTTP/1.1, asked for as %s",
  async ([host, servername]) => {
    const server = await openTls(
      createCertificate({ name: "server", names: ["api.example.com", "127.0.0.1"], issuer: authority.issuer }),
    );

    const outcome = await call(server.port, String(host));

    expect(outcome).toMatchObject({ outcome: "answered", body: Buffer.from("secure") });
    expect(server.asked).toMatchObject([{ servername, protocol: "http/1.1" }]);
  },
);

test.for([
  ["signed by itself", createCertificate({ name: "api.example.com", names: ["api.example.com"] })],
  [
    "signed by somebody unknown",
    createCertificate({
      name: "api.example.com",
      names: ["api.example.com"],
      issuer: createAuthority("another authority").issuer,
    }),
  ],
  ["expired", createCertificate({ name: "x", names: ["api.example.com"], issuer: authority.issuer, validDays: 9 })],
] as const)("a certificate %s is not trusted", async ([, certificate]) => {
  const server = await openTls(certificate);

  const outcome = await call(server.port, "api.example.com");

  expect(outcome).toMatchObject({ outcome: "failed", stage: "TLS", code: "TLS_UNTRUSTED", isTemporary: false });
});

test("an authority of one's own is not trusted by default", async () => {
  const server = await openTls(createCertificate({ name: "x", names: ["api.example.com"], issuer: authority.issuer }));

  expect(await call(server.port, "api.example.com", {})).toMatchObject({ code: "TLS_UNTRUSTED" });
});

test.for(["other.example.com", "sub.api.example.com", "127.0.0.1"])(
  "a trusted certificate of somebody else is refused for %s",
  async (host) => {
    const server = await openTls(
      createCertificate({ name: host, names: ["api.example.com"], issuer: authority.issuer }),
    );

    const outcome = await call(server.port, host);

    expect(outcome).toMatchObject({ outcome: "failed", stage: "TLS", code: "TLS_HOST_MISMATCH" });
  },
);

test("a server without TLS, or one that hangs up or falls silent in the handshake, fails in TLS", async () => {
  const plain = await listen(
    createTcpServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 200 OK\r\n\r\n")),
  );
  const rude = await listen(createTcpServer((socket) => socket.destroy()));
  const silent = await listen(createTcpServer((socket) => socket.on("error", () => undefined).resume()));

  const outcomes = await Promise.all([
    call(plain, "api.example.com"),
    call(rude, "api.example.com"),
    call(silent, "api.example.com", { tlsMs: 100 }),
  ]);

  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ stage: "TLS", code: "TLS_FAILED", isTemporary: true });
});
