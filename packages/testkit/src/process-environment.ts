import { join } from "node:path";

/**
 * What a Node process that a test starts from the sources is given beside its own settings. Compiling its modules is
 * half of its start; the cache, which belongs to this clone and may be deleted at any time, keeps them.
 */
export const processEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../.local/compiled"),
};
