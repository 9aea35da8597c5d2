import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findCaddy, supervise } from "@control-plane/local-stores";

export type Balanced = { port: number; addresses: readonly string[] };

const READY_TRIES = 600;
const READY_PAUSE_MS = 50;

/** As the proxy's `(service)`: one address of this machine for each list. */
function caddyfile(services: readonly Balanced[]): string {
  const sites = services.map(
    ({ port, addresses }) => `http://127.0.0.1:${port} {
  reverse_proxy ${addresses.join(" ")} {
    lb_policy least_conn
    lb_try_duration 5s
    fail_duration 1s
    health_uri /ready
    health_interval 1s
    transport http {
      dial_timeout 2s
      keepalive 30s
    }
  }
}`,
  );
  return ["{\n  admin off\n  auto_https off\n  default_bind 127.0.0.1\n}", ...sites, ""].join("\n");
}

/** What a cluster's Services do for those who call each other inside: a Caddy in front of the processes of each service. */
export async function startBalancer(
  stateDir: string,
  services: readonly Balanced[],
  log: (line: string) => void,
): Promise<{ stop(): Promise<void> }> {
  const caddy = await findCaddy(log);
  const config = join(stateDir, "balancer.Caddyfile");
  await writeFile(config, caddyfile(services));
  const server = await supervise({
    command: caddy.command,
    args: ["run", "--config", config, "--adapter", "caddyfile"],
    env: { HOME: stateDir, XDG_DATA_HOME: stateDir, XDG_CONFIG_HOME: stateDir },
    cwd: stateDir,
    logFile: join(stateDir, "balancer.log"),
    stopSignal: "TERM",
    graceSeconds: 12,
  });
  for (let tries = 0; tries < READY_TRIES && !server.hasExited(); tries++) {
    const answers = await Promise.all(services.map(({ port }) => isAnswering(`http://127.0.0.1:${port}/`)));
    if (answers.every(Boolean)) return { stop: server.stop };
    await pause(READY_PAUSE_MS);
  }
  await server.stop();
  throw new Error(`${caddy.source} did not start; see ${join(stateDir, "balancer.log")}`);
}

/** By whatever status: the services behind it need not be there. */
const isAnswering = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
    async (reply) => {
      await reply.body?.cancel();
      return true;
    },
    () => false,
  );
