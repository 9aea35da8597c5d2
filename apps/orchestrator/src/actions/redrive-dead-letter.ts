import { type Caller, currentTrace, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { redriveDeadLetter as redrive } from "../domain/redrive-dead-letter.ts";

export const redriveDeadLetter = defineAction({
  name: "redriveDeadLetter",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ deadLetterId: z.uuid() }),
  output: z.object({ ok: z.boolean(), runId: z.uuid().nullable() }),
  async run({ deadLetterId }, { caller, deps }: { caller: Caller; deps: Deps }) {
    const runId = await redrive(deps.db, caller, deadLetterId, currentTrace()?.traceparent);
    return { ok: true, runId: runId ?? null };
  },
});
