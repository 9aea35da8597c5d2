import { randomBytes } from "node:crypto";

const SLUG_LENGTH_MAX = 48;

/** A tenant slug made from its name: lower-case letters, digits and single hyphens. */
export function slugFrom(name: string): string {
  const words = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  const slug = words.join("-").slice(0, SLUG_LENGTH_MAX).replace(/-+$/, "");
  return slug.length >= 2 ? slug : withSuffix(slug === "" ? "tenant" : slug);
}

export function withSuffix(slug: string): string {
  return `${slug}-${randomBytes(3).toString("hex")}`;
}
