import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { discardDeadLetter as discard } from "../domain/discard-dead-letter.ts";

export const discardDeadLetter = defineAction({
  name: "discardDeadLetter",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ deadLetterId: z.uuid() }),
  output: z.object({ ok: z.boolean() }),
  async run({ deadLetterId }, { caller, deps }: { caller: Caller; deps: Deps }) {
    await discard(deps.db, caller, deadLetterId);
    return { ok: true };
  },
});
