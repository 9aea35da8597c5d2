import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort, isPortFree } from "@control-plane/local-stores";
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

/** The usual ports where they are free, else those of the last start, else any. `anyPort` skips the usual ones. */
export async function choosePorts(stateDir: string, anyPort: boolean): Promise<Ports> {
  const file = join(stateDir, "ports.json");
  const remembered = existsSync(file) ? portsSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data : undefined;
  const taken = new Set<number>();
  const choose = async (name: keyof Ports): Promise<number> => {
    const usual = preferred[name];
    const wished = !anyPort && (await isPortFree(usual)) ? usual : remembered?.[name];
    for (;;) {
      const port = await findFreePort(wished !== undefined && taken.has(wished) ? undefined : wished);
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
