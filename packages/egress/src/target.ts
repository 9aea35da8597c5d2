import { type Address, isPublic, parseAddress } from "./address.ts";
import { isAllowedHost } from "./allowed-hosts.ts";
import { allowsAddress, allowsName, allowsSomeAddress, bareName, type EgressAllow } from "./egress-allow.ts";
import { EgressError, type Failure, failureOf } from "./failure.ts";
import type { Resolve } from "./resolve.ts";

/** A judged URL with the one address that may be dialled for it. */
export type Target = {
  readonly url: URL;
  /** The URL's host without brackets: what Host and the certificate are about. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Opened by EGRESS_ALLOW. */
  readonly isListed: boolean;
};

const URL_LENGTH_MAX = 8_192;
const PORTS: readonly number[] = [80, 443, 8443];
const REFUSED_NAME = /(^|\.)localhost$|\.(local|internal)$/;

/**
 * Parsed once; from here on only the parsed URL is looked at, so that what is judged is what is dialled.
 * @param options.base of a redirect. @param options.allowedHosts absent for a redirect: it may leave them, without the credential
 */
export function parseUrl(text: string, options: { base?: URL; allowedHosts?: readonly string[] }): URL {
  const url = text.length > URL_LENGTH_MAX ? null : URL.parse(text, options.base?.href);
  if (url === null) throw new EgressError("URL_INVALID", { rule: "URL" });
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new EgressError("URL_INVALID", { rule: "SCHEME" });
  if (url.username !== "" || url.password !== "") throw new EgressError("URL_INVALID", { rule: "URL" });
  if (options.allowedHosts !== undefined && !isAllowedHost(url.hostname, options.allowedHosts)) {
    throw new EgressError("HOST_NOT_ALLOWED", { rule: "HOST" });
  }
  return url;
}

type Given = {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** The host, if it is an address. */
  readonly literal: Address | undefined;
  readonly isListedName: boolean;
  /** What only an entry in EGRESS_ALLOW can still open. */
  readonly broken: EgressError | undefined;
};

/**
 * What can be said of a URL that is to be kept, without asking the DNS: undefined, or why a call would be refused.
 * @param options.needsTls the calls will carry a credential
 */
export function checkUrl(
  deps: { allow: EgressAllow },
  text: string,
  options: { allowedHosts: readonly string[]; needsTls: boolean },
): Failure | undefined {
  try {
    const url = parseUrl(text, options);
    const given = lookAt(deps, url);
    const isOpen =
      given.literal === undefined ? given.isListedName : allowsAddress(deps.allow, given.literal, given.port);
    if (isOpen || (given.literal === undefined && allowsSomeAddress(deps.allow, given.port))) return undefined;
    if (given.broken !== undefined) throw given.broken;
    if (given.literal !== undefined && !isPublic(given.literal)) {
      throw new EgressError("ADDRESS_BLOCKED", { rule: "ADDRESS" });
    }
    if (options.needsTls && !given.isTls) throw new EgressError("URL_INVALID", { rule: "SCHEME" });
    return undefined;
  } catch (error) {
    if (error instanceof EgressError) return failureOf(error, 0);
    throw error;
  }
}

/** Looks the name up once and judges every address behind it; the first one is pinned. */
export async function judgeTarget(
  deps: { allow: EgressAllow; ports?: readonly number[]; resolve: Resolve },
  url: URL,
  signal: AbortSignal,
): Promise<Target> {
  const { host, port, isTls, literal, isListedName, broken } = lookAt(deps, url);
  if (broken !== undefined && !isListedName && !allowsSomeAddress(deps.allow, port)) throw broken;
  const addresses = literal === undefined ? await lookUp(deps.resolve, host, isListedName, signal) : [literal];
  const outside = isListedName ? [] : addresses.filter((address) => !allowsAddress(deps.allow, address, port));
  if (outside.length > 0 && broken !== undefined) throw broken;
  if (!outside.every(isPublic)) {
    throw new EgressError("ADDRESS_BLOCKED", { rule: literal === undefined ? "DNS" : "ADDRESS" });
  }
  const [pinned] = addresses;
  if (pinned === undefined) throw new EgressError("DNS_NOT_FOUND", { rule: "DNS" });
  return { url, host, address: pinned.text, port, isTls, isListed: outside.length === 0 };
}

function lookAt(deps: { allow: EgressAllow; ports?: readonly number[] }, url: URL): Given {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const literal = parseAddress(host);
  const isListedName = literal === undefined && allowsName(deps.allow, host, port);
  const broken = brokenRule(deps.ports ?? PORTS, port, literal === undefined ? host : undefined);
  return { host, port, isTls, literal, isListedName, broken };
}

function brokenRule(ports: readonly number[], port: number, name: string | undefined): EgressError | undefined {
  if (!ports.includes(port)) return new EgressError("PORT_NOT_ALLOWED", { rule: "PORT" });
  if (name !== undefined && REFUSED_NAME.test(bareName(name))) {
    return new EgressError("ADDRESS_BLOCKED", { rule: "NAME" });
  }
  return undefined;
}

async function lookUp(resolve: Resolve, host: string, isListed: boolean, signal: AbortSignal): Promise<Address[]> {
  const answers = await resolve(host, { isListed, signal });
  return answers.map((text) => {
    const address = parseAddress(text);
    // A zone or anything else that is no plain address cannot be judged.
    if (address === undefined) throw new EgressError("ADDRESS_BLOCKED", { rule: "DNS" });
    return address;
  });
}
