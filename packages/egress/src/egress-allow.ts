import { z } from "zod";
import { type Address, contains, type Network, networkOf, parseAddress, parseNetwork } from "./address.ts";

type AllowEntry =
  | { readonly kind: "name"; readonly name: string; readonly port: number; readonly text: string }
  | { readonly kind: "network"; readonly network: Network; readonly port: number; readonly text: string };

/** What an operator opened beyond the rules for ports, names, addresses and https. */
export type EgressAllow = readonly AllowEntry[];

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** The setting of every process that calls out for tenants. Its value is for {@link createEgress}. */
export const egressConfig = {
  EGRESS_ALLOW: z
    .string()
    .default("")
    .transform((text, context): EgressAllow => {
      const { entries, problems } = parseEgressAllow(text);
      for (const message of problems) context.addIssue({ code: "custom", message });
      return entries;
    })
    .describe("`host:port` or `CIDR:port` that outgoing calls may reach beyond the public internet, comma-separated"),
};

/** `host:port`, `address:port` or `CIDR:port`, comma-separated; IPv6 addresses in brackets. */
export function parseEgressAllow(text: string): { entries: EgressAllow; problems: readonly string[] } {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const parsed = parts.map((part) => ({ part, entry: parseEntry(part) }));
  return {
    entries: parsed.flatMap(({ entry }) => entry ?? []),
    problems: parsed
      .filter(({ entry }) => entry === undefined)
      .map(({ part }) => `${part} is neither host:port nor CIDR:port`),
  };
}

/** The entries as they were given, for the line a process logs at its start. */
export function egressAllowTexts(allow: EgressAllow): string[] {
  return allow.map(({ text }) => text);
}

/** An entry for exactly this name; a dot at its end changes nothing. */
export function allowsName(allow: EgressAllow, hostname: string, port: number): boolean {
  return allow.some((entry) => entry.kind === "name" && entry.port === port && entry.name === bareName(hostname));
}

export function allowsAddress(allow: EgressAllow, address: Address, port: number): boolean {
  return allow.some((entry) => entry.kind === "network" && entry.port === port && contains(entry.network, address));
}

/** Whether the addresses behind a name could open this port. */
export function allowsSomeAddress(allow: EgressAllow, port: number): boolean {
  return allow.some((entry) => entry.kind === "network" && entry.port === port);
}

export function bareName(hostname: string): string {
  return hostname.replace(/\.$/, "");
}

function parseEntry(text: string): AllowEntry | undefined {
  const [, host = "", digits = ""] = /^(.+):(\d{1,5})$/.exec(text.toLowerCase()) ?? [];
  const port = Number(digits);
  if (host === "" || port < 1 || port > 65_535) return undefined;
  const bracketed = /^\[(.+)\]$/.exec(host)?.[1];
  const place = bracketed ?? host;
  if (place.includes("/")) {
    const network = parseNetwork(place);
    return network && { kind: "network", network, port, text };
  }
  const address = parseAddress(place);
  // Without brackets the port of an IPv6 address could be its last group.
  if (address !== undefined && bracketed === undefined && place.includes(":")) return undefined;
  if (address !== undefined) return { kind: "network", network: networkOf(address), port, text };
  return bracketed === undefined && HOST_NAME.test(place) ? { kind: "name", name: place, port, text } : undefined;
}
