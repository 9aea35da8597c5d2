import { HasuraError } from "../hasura-error.ts";

/** What the operations of all sockets hold together; `enter` throws when there is no room left. */
export type OperationRoom = { enter(bytes: number): void; leave(bytes: number): void };

export function createOperationRoom(bytesMax: number): OperationRoom {
  let held = 0;
  return {
    enter(bytes) {
      if (held + bytes > bytesMax)
        throw new HasuraError("bad-request", `the operations of all sockets are larger than ${bytesMax} bytes`);
      held += bytes;
    },
    leave(bytes) {
      held -= bytes;
    },
  };
}
