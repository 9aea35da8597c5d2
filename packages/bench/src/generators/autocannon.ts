import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { figuresSchema, type Generator } from "./job.ts";

const script = join(import.meta.dirname, "autocannon.child.ts");

/** autocannon, from npm. */
export const autocannon: Generator = {
  name: "autocannon",
  async measure(job) {
    const child = spawn(process.execPath, ["--conditions=@control-plane/source", script], {
      env: { PATH: process.env.PATH ?? "" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end(JSON.stringify(job));
    return figuresSchema.parse(JSON.parse(await text(child.stdout)));
  },
};
