import { z } from "zod";

/** PostgreSQL reads a longer text than anybody writes, but not any length. */
const TEXT_LENGTH_MAX = 64;
/** RFC 3339 allows them; PostgreSQL knows no year 0 and no offset of 16 hours. */
const UNREADABLE = /^0000|[+-](?:1[6-9]|2\d):\d\d$/;

/** RFC 3339, as PostgreSQL can read it. */
export const instantSchema = z.iso
  .datetime({ offset: true })
  .max(TEXT_LENGTH_MAX)
  .refine((text) => !UNREADABLE.test(text), "is out of range");
