import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { figuresSchema, type Generator } from "./job.ts";

const script = join(import.meta.dirname, "wrk.lua");

/** wrk, of the Debian package of that name. */
export const wrk: Generator = {
  name: "wrk",
  async measure({ url, connections, seconds, requestsFile, answerBegins }) {
    const settings = ["--threads=1", `--connections=${connections}`, `--duration=${seconds}s`, "--timeout=10s"];
    const child = spawn("wrk", [...settings, `--script=${script}`, url, "--", requestsFile, answerBegins], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    const output = await Promise.race([text(child.stdout), failed]);
    return figuresSchema.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
  },
};
