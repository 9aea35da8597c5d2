import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { type Figures, figuresSchema, type Job } from "./job.ts";

/** Runs a generator that is written here: it reads the job from standard input and prints the figures. */
export async function runChild(script: string, job: Job): Promise<Figures> {
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", script], {
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(job));
  return figuresSchema.parse(JSON.parse(await text(child.stdout)));
}
