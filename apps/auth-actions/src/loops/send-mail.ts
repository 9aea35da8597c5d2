import { type Loop, startIntervalLoop, type WakeSignal } from "@control-plane/service-kit";
import { type MailDeps, sendMailPass } from "../domain/send-mail.ts";

export type MailLoopDeps = Omit<MailDeps, "stopping"> & { mailSignal: WakeSignal };

/** Sends each `intervalMs` and whenever somebody in this process says that a mail waits. */
export function startSendMailLoop(deps: MailLoopDeps, intervalMs: number): Loop {
  const stopping = new AbortController();
  const pass = (): Promise<void> => sendMailPass({ ...deps, stopping: stopping.signal });
  const loop = startIntervalLoop({ name: "send-mail", intervalMs, pass, log: deps.log });
  const unsubscribe = deps.mailSignal.subscribe(loop.wake);
  return {
    async stop() {
      unsubscribe();
      stopping.abort();
      await loop.stop();
    },
  };
}
