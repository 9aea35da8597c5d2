import { join } from "node:path";

/**
 * What a Node process that a test starts from the sources is given beside its own settings. Compiling its modules is
 * half of its start; the cache, which the commands of infra/bootstrap share, keeps them.
 */
export const processEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(import.meta.dirname, "../../../.local/compile-cache"),
};
