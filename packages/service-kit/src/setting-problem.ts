import type { ConfigProblem } from "./config.ts";

const LISTEN_PROBLEMS: Readonly<Record<string, ConfigProblem>> = {
  EADDRINUSE: { name: "PORT", message: "another program listens there (EADDRINUSE); end it, or take another port" },
  EACCES: { name: "PORT", message: "this account may not listen there (EACCES); take a port of 1024 or above" },
  EADDRNOTAVAIL: { name: "HOST", message: "is no address of this machine (EADDRNOTAVAIL)" },
};

/**
 * The setting that an error at boot is about, with what is wrong and how to mend it. Errors of other packages carry the
 * name as `setting`, and a message that holds no value.
 */
export function settingProblem(error: unknown): ConfigProblem | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("setting" in error && typeof error.setting === "string") return { name: error.setting, message: error.message };
  if (!("syscall" in error) || error.syscall !== "listen" || !("code" in error)) return undefined;
  return LISTEN_PROBLEMS[String(error.code)];
}
