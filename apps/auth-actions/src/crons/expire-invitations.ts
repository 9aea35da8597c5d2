import { defineCron } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { expireInvitations as expire } from "../store/invitations.ts";
import {
  deleteEndedAccessKeys,
  deleteEndedPasswordResets,
  deleteEndedSessions,
  deleteFinishedEmails,
} from "../store/purge.ts";

/**
 * Says of invitations that nobody answered in time what they are, and deletes what ended 30 days ago. Nothing depends on
 * when it runs: what is over is refused by its own time.
 */
export const expireInvitations = defineCron({
  name: "expire-invitations",
  async run(_tick, { loopDb: db, log }: Deps) {
    const counts = {
      invitations: await expire(db),
      sessions: await deleteEndedSessions(db),
      passwordResets: await deleteEndedPasswordResets(db),
      accessKeys: await deleteEndedAccessKeys(db),
      emails: await deleteFinishedEmails(db),
    };
    log.info(counts, "expiry of invitations and purge done");
  },
});
