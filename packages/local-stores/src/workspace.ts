import { createHash } from "node:crypto";
import { join } from "node:path";

/** The clone this package lies in; src and dist are equally deep. */
export const workspaceDir = join(import.meta.dirname, "..", "..", "..");

/** State that belongs to this clone and may be deleted at any time. */
export const stateDir = join(workspaceDir, ".local");

export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
