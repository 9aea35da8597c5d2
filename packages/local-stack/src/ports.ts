import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { z } from "zod";

const portsSchema = z.object({
  hasura: z.int(),
  authActions: z.int(),
  webhookGateway: z.int(),
  orchestrator: z.int(),
  logsSchema: z.int(),
});
export type Ports = z.infer<typeof portsSchema>;

const preferred: Ports = {
  hasura: 8080,
  authActions: 4001,
  webhookGateway: 4002,
  orchestrator: 4003,
  logsSchema: 4004,
};

/** The ports of the last start where they are still free, else the usual ones, else any. `anyPort` skips the usual ones. */
export async function choosePorts(stateDir: string, anyPort: boolean): Promise<Ports> {
  const file = join(stateDir, "ports.json");
  const remembered = existsSync(file) ? portsSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data : undefined;
  const taken = new Set<number>();
  const choose = async (name: keyof Ports): Promise<number> => {
    for (;;) {
      const port = await findFreePort(remembered?.[name] ?? (anyPort ? undefined : preferred[name]));
      if (taken.has(port)) continue;
      taken.add(port);
      return port;
    }
  };
  const ports: Ports = {
    hasura: await choose("hasura"),
    authActions: await choose("authActions"),
    webhookGateway: await choose("webhookGateway"),
    orchestrator: await choose("orchestrator"),
    logsSchema: await choose("logsSchema"),
  };
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ports;
}
