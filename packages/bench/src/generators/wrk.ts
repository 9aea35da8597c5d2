import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { figuresSchema, type Generator, type Job } from "./job.ts";

const script = join(import.meta.dirname, "wrk.lua");

/** wrk, of the Debian package of that name. */
export const wrk: Generator = {
  name: "wrk",
  async measure(job) {
    const folder = await mkdtemp(join(tmpdir(), "bench-wrk-"));
    try {
      const file = join(folder, "requests.lua");
      await writeFile(file, luaRequests(job));
      const settings = [
        "--threads=1",
        `--connections=${job.connections}`,
        `--duration=${job.seconds}s`,
        "--timeout=10s",
      ];
      const child = spawn("wrk", [...settings, `--script=${script}`, job.url, "--", file, job.answerBegins], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const failed = new Promise<never>((_, reject) => child.once("error", reject));
      const output = await Promise.race([text(child.stdout), failed]);
      return figuresSchema.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

function luaRequests({ requests }: Job): string {
  const entries = requests.map(({ path, headers, body }) => {
    const pairs = Object.entries(headers).map(([name, value]) => `[${quoted(name)}]=${quoted(value)}`);
    return `{path=${quoted(path)},headers={${pairs.join(",")}},body=${quoted(body)}}`;
  });
  return `return {\n${entries.join(",\n")}\n}\n`;
}

/** Every byte that is not plain as `\ddd`, which Lua reads as that byte. */
function quoted(value: string): string {
  const escaped = Array.from(Buffer.from(value), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${byte.toString().padStart(3, "0")}`,
  );
  return `"${escaped.join("")}"`;
}
