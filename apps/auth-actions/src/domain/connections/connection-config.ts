import { judgeBaseUrl } from "@control-plane/runs";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../../deps.ts";
import type { AppVersionForCalls, ConnectionConfig } from "../../store/connections.ts";
import { judgeUrl } from "../publishing/judge-url.ts";

/** Throws `BAD_INPUT` unless calls to the base URL would be let out and lie inside the version's allowed hosts. */
export function assertConfigFits(
  deps: Pick<Deps, "egressAllow">,
  { auth, allowedHosts }: AppVersionForCalls,
  { baseUrl }: ConnectionConfig,
): void {
  if (baseUrl === undefined) return;
  const needsTls = auth.authType !== "NONE";
  const fault = judgeBaseUrl(baseUrl, { allowedHosts, needsTls }, { judgeUrl: judgeUrl(deps.egressAllow) });
  if (fault === undefined) return;
  throw new AppError("BAD_INPUT", "the base URL is not acceptable", {
    details: { issues: [{ path: "config.baseUrl", message: fault.message }] },
  });
}
