import { z } from "zod";

/** Whoever could read these from a delivery could act for the sender. */
const NEVER = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** A header that a trigger may be told to read. */
export const headerNameSchema = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, "must be 1 to 64 of a-z, 0-9 and -")
  .refine((name) => !NEVER.has(name), "must not be a header of credentials");
