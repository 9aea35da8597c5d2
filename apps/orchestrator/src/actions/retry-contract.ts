import { z } from "zod";

/** Where a retry begins and which version it executes. */
export const retryWayShape = {
  from: z
    .enum(["START", "FAILED_STEP"])
    .nullish()
    .transform((value) => value ?? "START"),
  version: z
    .enum(["ORIGINAL", "LATEST"])
    .nullish()
    .transform((value) => value ?? "ORIGINAL"),
};

/** Steps are copied into the version that they were made by. */
export const isPossibleWay = ({ from, version }: { from: string; version: string }): boolean =>
  from === "START" || version === "ORIGINAL";

export const impossibleWay = { path: ["version"], error: "from FAILED_STEP only the ORIGINAL version can be run" };
