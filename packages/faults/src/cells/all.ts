import type { Cell } from "../cell.ts";
import { accountsKilled } from "./a1-accounts-killed.ts";
import { gatewayKilled } from "./f1-gateway-killed.ts";
import { orchestratorKilled } from "./f2-orchestrator-killed.ts";
import { runnerKilled } from "./f3-runner-killed.ts";
import { runnerFrozen } from "./f4-runner-frozen.ts";
import { runnerBlocked } from "./f5-runner-blocked.ts";
import { redisStopped } from "./f6-redis-stopped.ts";
import { redisEmptied } from "./f7-redis-emptied.ts";
import { redisFull } from "./f8-redis-full.ts";
import { redisHangs } from "./f9-redis-hangs.ts";
import { postgresKilled } from "./f10-postgres-killed.ts";
import { poolExhausted } from "./f12-pool-exhausted.ts";
import { conflicts } from "./f13-conflicts.ts";
import { mongodbAway } from "./f14-mongodb-away.ts";
import { oneId } from "./f15-one-id.ts";
import { otherBody } from "./f16-other-body.ts";
import { anyOrder } from "./f17-any-order.ts";
import { clocksOff } from "./f18-clocks-off.ts";
import { poison } from "./f19-poison.ts";
import { hostileRequestsRefused } from "./f20-hostile-requests.ts";
import { eventsDelivered } from "./f21-events-delivered.ts";
import { schedules } from "./f22-schedules.ts";
import { rolling } from "./f23-rolling.ts";
import { keysRotated } from "./s23-keys-rotated.ts";

/** Every cell, in the order in which they are played. A new one is one file and one line here. */
export const CELLS: readonly Cell[] = [
  gatewayKilled,
  orchestratorKilled,
  runnerKilled,
  runnerFrozen,
  runnerBlocked,
  redisStopped,
  redisEmptied,
  redisFull,
  redisHangs,
  postgresKilled,
  poolExhausted,
  conflicts,
  mongodbAway,
  oneId,
  otherBody,
  anyOrder,
  clocksOff,
  poison,
  hostileRequestsRefused,
  eventsDelivered,
  schedules,
  rolling,
  keysRotated,
  accountsKilled,
];
