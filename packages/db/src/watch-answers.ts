import { Socket } from "node:net";
import { OutageError } from "@control-plane/service-kit/outage";
import pg from "pg";

/**
 * Breaks a connection on which `msMax` pass in silence after something was sent: a server that is stopped, or a network
 * that lost its way, says nothing, and its own time limits say nothing either. Idle and listening connections are not
 * concerned. 0 is no limit.
 */
export function watchAnswers(client: pg.ClientBase, msMax: number): void {
  const stream = client instanceof pg.Client ? client.connection.stream : undefined;
  if (msMax === 0 || !(stream instanceof Socket)) return;
  let answeredUntil = stream.bytesWritten;
  stream.on("data", () => {
    answeredUntil = stream.bytesWritten;
  });
  // Restarted by everything sent or received.
  stream.setTimeout(msMax, () => {
    if (stream.bytesWritten > answeredUntil)
      stream.destroy(new OutageError(`postgresql did not answer within ${msMax} ms`));
  });
}
