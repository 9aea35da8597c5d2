import { z } from "zod";
import { headerNameSchema } from "./header-name.ts";
import { optionalHeader } from "./headers.ts";
import { identify } from "./identity.ts";
import { defineScheme } from "./scheme.ts";

const NOTHING_KNOWN = { senderId: undefined, dedupeKey: undefined, replayKey: undefined } as const;

/** Accepts what anybody sends who knows the address, because the trigger says so explicitly. */
export const none = defineScheme({
  name: "NONE",
  configSchema: z.strictObject({ idHeader: headerNameSchema.optional() }),
  secret: { kind: "none" },
  receiver: ({ idHeader }) => ({
    headersKept: idHeader === undefined ? [] : [idHeader],
    headersRedacted: [],
    verify(request) {
      const id = idHeader === undefined ? undefined : optionalHeader(request, idHeader);
      const identity = id === undefined ? NOTHING_KNOWN : identify(id, []);
      return { outcome: "verified", matchedSecret: "NONE", identity };
    },
    sign: ({ id }) => (idHeader === undefined ? {} : { [idHeader]: id }),
  }),
});
