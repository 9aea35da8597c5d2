import { lookup, Resolver } from "node:dns/promises";
import { EgressError } from "./failure.ts";

/**
 * All addresses of a name, IPv4 first. `isListed` says that an operator's EGRESS_ALLOW names it.
 * Fails with an EgressError of stage DNS.
 */
export type Resolve = (name: string, options: { isListed: boolean; signal: AbortSignal }) => Promise<readonly string[]>;

const DNS_MS = 2_000;
const NO_ADDRESS = new Set(["ENODATA", "ENOTFOUND"]);
const TIMED_OUT = new Set(["ETIMEOUT", "ECANCELLED", "EAI_AGAIN"]);

/**
 * Names that tenants choose are asked of the DNS alone: no hosts file, no search domains, and no thread that a silent
 * name server could hold. Names that the operator listed go through the operating system.
 * @param options.servers default: those of the operating system
 */
export function createResolve(options: { servers?: readonly string[]; dnsMs?: number } = {}): Resolve {
  const { dnsMs = DNS_MS } = options;
  return async (name, { isListed, signal }) => {
    const resolver = new Resolver({ timeout: dnsMs, tries: 1 });
    if (options.servers !== undefined) resolver.setServers([...options.servers]);
    const work = isListed ? askSystem(name) : askDns(resolver, name);
    try {
      return await within(dnsMs, signal, work);
    } finally {
      resolver.cancel();
    }
  };
}

async function askDns(resolver: Resolver, name: string): Promise<string[]> {
  const answers = await Promise.all([
    resolver.resolve4(name).catch(noneOrFailure),
    resolver.resolve6(name).catch(noneOrFailure),
  ]);
  return answers.flat();
}

async function askSystem(name: string): Promise<string[]> {
  const answers = await lookup(name, { all: true, order: "ipv4first" }).catch(noneOrFailure);
  return answers.map((answer) => (typeof answer === "string" ? answer : answer.address));
}

/** A name without addresses of one family is no failure; one that cannot be asked is, since not all are known then. */
function noneOrFailure(error: unknown): string[] {
  const code = codeOf(error);
  if (NO_ADDRESS.has(code)) return [];
  throw new EgressError(TIMED_OUT.has(code) ? "DNS_TIMEOUT" : "DNS_NOT_FOUND", { rule: "DNS", cause: error });
}

async function within<T>(limitMs: number, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  const either = AbortSignal.any([limit, signal]);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.aborted ? signal.reason : new EgressError("DNS_TIMEOUT", { rule: "DNS" }));
    either.addEventListener("abort", onAbort, { once: true });
    if (either.aborted) onAbort();
    work.then(resolve, reject).finally(() => either.removeEventListener("abort", onAbort));
  });
}

export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
