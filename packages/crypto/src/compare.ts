import { timingSafeEqual } from "node:crypto";

/** Constant time for equal lengths; different lengths are simply not equal. */
export function equalBytes(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
