import { vi } from "vitest";

/**
 * What a service says of settings with which it does not start, and the status that its process ends with. No process is
 * started, which takes longer than most tests; that the service reads its settings this way one test of each shows.
 */
export function refuseSettings(
  loadConfig: (env: NodeJS.ProcessEnv) => unknown,
  env: Readonly<Record<string, string>>,
): { status: unknown; stderr: string } {
  const printed: string[] = [];
  let status: unknown;
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  const ended = new Error("the process has ended");
  const exit = vi.spyOn(process, "exit").mockImplementation((code) => {
    status = code;
    throw ended;
  });
  try {
    loadConfig({ ...env });
  } catch (error) {
    if (error !== ended) throw error;
  } finally {
    write.mockRestore();
    exit.mockRestore();
  }
  return { status, stderr: printed.join("") };
}
