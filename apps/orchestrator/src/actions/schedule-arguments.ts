import { storableText } from "@control-plane/service-kit";
import { z } from "zod";

/** Any text here; what is wrong with an expression is said by its reader. */
export const cronText = storableText(200);
export const timezoneText = storableText(64);
export const overlapPolicies = z.enum(["ALLOW", "SKIP"]);
export const catchUpPolicies = z.enum(["LAST", "NONE"]);

export const scheduleOutput = z.object({ triggerId: z.uuid(), nextFires: z.array(z.iso.datetime()) });
