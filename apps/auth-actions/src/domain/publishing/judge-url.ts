import { checkUrl, type EgressAllow } from "@control-plane/egress";
import type { AppVersionRules } from "@control-plane/runs";

/** What the rules for outgoing calls say of a URL that is to be kept. */
export function judgeUrl(egressAllow: EgressAllow): AppVersionRules["judgeUrl"] {
  return (url, options) => {
    const failure = checkUrl({ allow: egressAllow }, url, options);
    if (failure === undefined) return undefined;
    return { kind: failure.code === "URL_INVALID" ? "malformed" : "refused", message: failure.message };
  };
}
