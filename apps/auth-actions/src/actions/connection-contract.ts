import { storableText } from "@control-plane/service-kit";
import { z } from "zod";

export const configInput = z.strictObject({
  baseUrl: storableText(2_000)
    .nullish()
    .transform((value) => value ?? undefined),
});

const COUNT_MAX = 10;

/** Which names and values fit depends on the app version. What is wrong here is told without either of them. */
export const secretsInput = z
  .custom<Readonly<Record<string, string>>>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length <= COUNT_MAX &&
      Object.values(value).every((field) => typeof field === "string"),
    "must be an object whose members are texts",
  )
  .nullish()
  .transform((value) => value ?? {});

export const connectionStateOutput = z.object({ connectionId: z.uuid(), status: z.literal("UNTESTED") });
