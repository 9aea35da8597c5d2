import { mkdir, readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findCaddy, findFreePort, supervise } from "@control-plane/local-stores";
import { rootDir } from "./clone.ts";

type ProxyOptions = {
  stateDir: string;
  /** Addresses (host:port) of each service, one or more. */
  upstreams: { webhookGateway: readonly string[]; authActions: readonly string[]; hasura: readonly string[] };
  /** Of a whole request, in Caddy's form. */
  requestTimeout?: string;
  log: (line: string) => void;
};

export type ReverseProxy = {
  /** https://localhost:<port> */
  url: string;
  /** What a client has to trust: the root of Caddy's own issuer, made for this start. */
  ca: string;
  logFile: string;
  stop(): Promise<void>;
};

const READY_TRIES = 600;
const READY_PAUSE_MS = 50;

/** The deployed Caddyfile in a real Caddy on a free loopback port, with TLS by its internal issuer. Needs no root. */
export async function startProxy(options: ProxyOptions): Promise<ReverseProxy> {
  const { stateDir, upstreams } = options;
  await mkdir(stateDir, { recursive: true });
  const caddy = await findCaddy(options.log);
  const port = await findFreePort();
  const logFile = join(stateDir, "proxy.log");
  const server = await supervise({
    command: caddy.command,
    args: ["run", "--config", join(rootDir, "infra/proxy/Caddyfile"), "--adapter", "caddyfile"],
    env: {
      HOME: stateDir,
      XDG_DATA_HOME: stateDir,
      XDG_CONFIG_HOME: stateDir,
      BIND_ADDRESS: "127.0.0.1",
      SITE_ADDRESS: `https://localhost:${port}`,
      HTTPS_PORT: String(port),
      HTTP_PORT: String(await findFreePort()),
      WEBHOOK_GATEWAY_ADDRESS: upstreams.webhookGateway.join(" "),
      AUTH_ACTIONS_ADDRESS: upstreams.authActions.join(" "),
      HASURA_ADDRESS: upstreams.hasura.join(" "),
      ...(options.requestTimeout === undefined ? {} : { REQUEST_TIMEOUT: options.requestTimeout }),
    },
    cwd: stateDir,
    logFile,
    stopSignal: "TERM",
    graceSeconds: 12,
  });
  const rootFile = join(stateDir, "caddy/pki/authorities/local/root.crt");
  for (let tries = 0; tries < READY_TRIES && !server.hasExited(); tries++) {
    const ca = await readFile(rootFile, "utf8").catch(() => undefined);
    if (ca !== undefined && (await answers(port, ca)))
      return { url: `https://localhost:${port}`, ca, logFile, stop: server.stop };
    await pause(READY_PAUSE_MS);
  }
  await server.stop();
  const text = await readFile(logFile, "utf8").catch(() => "");
  throw new Error(`${caddy.source} did not start:\n${text.split("\n").slice(-10).join("\n")}`);
}

/** With a certificate of this very start, so no other server is taken for it. */
function answers(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    request({
      host: "127.0.0.1",
      servername: "localhost",
      port,
      ca,
      agent: false,
      headers: { host: `localhost:${port}` },
    })
      .once("response", (reply) => {
        reply.resume();
        resolve(true);
      })
      .once("error", () => resolve(false))
      .end();
  });
}
