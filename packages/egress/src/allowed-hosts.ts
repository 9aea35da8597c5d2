import { parseAddress } from "./address.ts";

export const ANY_HOST = "*";

/**
 * @param hostname of a parsed URL
 * @param allowedHosts lower-case names, `*.suffix` for any deeper name but not the suffix itself, or `*`
 */
export function isAllowedHost(hostname: string, allowedHosts: readonly string[]): boolean {
  return allowedHosts.some((allowed) => {
    if (allowed === ANY_HOST || allowed === hostname) return true;
    if (!allowed.startsWith("*.") || isLiteral(hostname)) return false;
    const suffix = allowed.slice(1);
    return hostname.length > suffix.length && hostname.endsWith(suffix);
  });
}

function isLiteral(hostname: string): boolean {
  return hostname.startsWith("[") || parseAddress(hostname) !== undefined;
}
