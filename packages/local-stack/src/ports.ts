import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PortReservation, reservePort } from "@control-plane/local-stores";
import { z } from "zod";

const portsSchema = z.object({
  hasura: z.int(),
  authActions: z.int(),
  webhookGateway: z.int(),
  orchestrator: z.int(),
  logsSchema: z.int(),
});
export type Ports = z.infer<typeof portsSchema>;

export const USUAL_PORTS: Ports = {
  hasura: 8080,
  authActions: 4001,
  webhookGateway: 4002,
  orchestrator: 4003,
  logsSchema: 4004,
};

/** Ports that no other stack gets before they are released. */
export type ReservedPorts = { ports: Ports; release(): void };

const PORTS_FILE = "ports.json";

/** Those of the last start. */
export function readPorts(stateDir: string): Ports | undefined {
  const file = join(stateDir, PORTS_FILE);
  return existsSync(file) ? portsSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data : undefined;
}

/** The usual ports where they are free, else those of the last start, else any. `anyPort` skips the usual ones. */
export async function reservePorts(stateDir: string, anyPort: boolean): Promise<ReservedPorts> {
  const remembered = readPorts(stateDir);
  const reservations: PortReservation[] = [];
  const choose = async (name: keyof Ports): Promise<number> => {
    const usual = USUAL_PORTS[name];
    let reservation = await reservePort(anyPort ? remembered?.[name] : usual);
    if (!anyPort && reservation.port !== usual && remembered !== undefined) {
      const random = reservation;
      reservation = await reservePort(remembered[name]);
      random.release();
    }
    reservations.push(reservation);
    return reservation.port;
  };
  const ports: Ports = {
    hasura: await choose("hasura"),
    authActions: await choose("authActions"),
    webhookGateway: await choose("webhookGateway"),
    orchestrator: await choose("orchestrator"),
    logsSchema: await choose("logsSchema"),
  };
  writeFileSync(join(stateDir, PORTS_FILE), `${JSON.stringify(ports)}\n`);
  return {
    ports,
    release() {
      for (const reservation of reservations.splice(0)) reservation.release();
    },
  };
}

/** The same without holding them, for whoever starts programs on them in ways of their own. */
export async function choosePorts(stateDir: string, anyPort: boolean): Promise<Ports> {
  const { ports, release } = await reservePorts(stateDir, anyPort);
  release();
  return ports;
}
