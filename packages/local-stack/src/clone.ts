import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

/** The clone this file lies in; src and dist are equally deep. */
export const rootDir = resolve(import.meta.dirname, "../../..");

/** Changes with the clone's path, so that two clones on one machine never share a name. */
export function cloneTag(directory: string): string {
  return createHash("sha256").update(directory).digest("hex").slice(0, 8);
}

/** Of a stack, on whichever server. */
export const databaseName = (stateDir: string): string => `control_plane_${cloneTag(stateDir)}`;

export const defaultStateDir = join(rootDir, ".local/stack");
export const defaultMailDir = join(rootDir, ".local/mail");
