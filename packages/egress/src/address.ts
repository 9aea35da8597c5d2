import { isIPv4, isIPv6 } from "node:net";

/** An IPv4-mapped IPv6 address is the IPv4 address inside it. */
export type Address = { readonly family: 4 | 6; readonly value: bigint; readonly text: string };
export type Network = { readonly family: 4 | 6; readonly base: bigint; readonly prefix: number };

const BITS = { 4: 32, 6: 128 } as const;
const MAPPED_PREFIX = 0xffffn;

/** Not globally reachable, or reachable only by a translator into some IPv4 network. */
const REFUSED_IPV4 = networks(
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
);
/** Everything else is special: loopback, unique-local, link-local, multicast, NAT64. */
const GLOBAL_IPV6 = networks("2000::/3");
const REFUSED_IPV6 = networks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20");

/** @returns undefined for what is no address, a zone included */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return ipv4(bits(text.split("."), 10, 8n));
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const value = bits(groupsOf(text), 16, 16n);
  return value >> 32n === MAPPED_PREFIX ? ipv4(value & 0xffffffffn) : { family: 6, value, text: ipv6Text(value) };
}

/** May be dialled without an entry in EGRESS_ALLOW. */
export function isPublic(address: Address): boolean {
  const inside = (network: Network) => contains(network, address);
  return address.family === 4 ? !REFUSED_IPV4.some(inside) : GLOBAL_IPV6.some(inside) && !REFUSED_IPV6.some(inside);
}

/** @returns undefined for what is no network, and for one with bits set behind its prefix */
export function parseNetwork(text: string): Network | undefined {
  const [, base = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(base);
  const prefix = Number(digits);
  if (address === undefined || digits === "" || prefix > BITS[address.family]) return undefined;
  const network: Network = { family: address.family, base: address.value, prefix };
  const behind = BigInt(BITS[address.family] - prefix);
  return (address.value >> behind) << behind === address.value ? network : undefined;
}

export function networkOf(address: Address): Network {
  return { family: address.family, base: address.value, prefix: BITS[address.family] };
}

export function contains(network: Network, address: Address): boolean {
  if (network.family !== address.family) return false;
  const behind = BigInt(BITS[network.family] - network.prefix);
  return network.base >> behind === address.value >> behind;
}

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  });
}

function bits(parts: readonly string[], radix: number, width: bigint): bigint {
  return parts.reduce((value, part) => (value << width) | BigInt(Number.parseInt(part, radix)), 0n);
}

/** The eight groups of an IPv6 address, with `::` and a dotted tail written out. */
function groupsOf(text: string): string[] {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const dotted = tail.includes(".") ? bits(tail.split("."), 10, 8n) : undefined;
  const plain =
    dotted === undefined
      ? text
      : `${text.slice(0, -tail.length)}${(dotted >> 16n).toString(16)}:${(dotted & 0xffffn).toString(16)}`;
  const [head = "", rest] = plain.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = rest === undefined || rest === "" ? [] : rest.split(":");
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
}

function ipv4(value: bigint): Address {
  const text = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  return { family: 4, value, text };
}

/** The parser of URLs writes IPv6 in its shortest form; one form makes addresses comparable as text. */
function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
