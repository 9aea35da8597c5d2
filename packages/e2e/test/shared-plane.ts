import { test as base } from "vitest";
import { closeSharedPlane, openSharedPlane } from "./control-plane.ts";

/** vitest's `test` for files that share a control plane; each has tenants of its own on it. */
export const test = base.extend(
  "openSharedPlane",
  { scope: "worker" },
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
  ({}, { onCleanup }) => {
    onCleanup(closeSharedPlane);
    return openSharedPlane;
  },
);
