import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { replayDelivery as replay } from "../domain/replay-delivery.ts";

export const replayDelivery = defineAction({
  name: "replayDelivery",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({ deliveryId: z.uuid() }),
  output: z.object({ runId: z.uuid() }),
  run: ({ deliveryId }, { caller, deps }: { caller: Caller; deps: Deps }) => replay(deps, caller, deliveryId),
});
