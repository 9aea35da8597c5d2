import { createServer } from "node:net";
import { describe, expect } from "vitest";
import {
  createPublisher,
  type RunEvents,
  type RunRequested,
  runEvents,
  runRequested,
  signRunEvents,
} from "../src/index.ts";
import { test } from "./queues.ts";

const RUN = "0199f0c4-7b2a-7cc3-98c4-dc0c0c07398f";
const TOKEN = `lt_${"A".repeat(43)}`;
const request = (attempt = 1): RunRequested => ({ runId: RUN, attempt });
const report = (first = 1): RunEvents => {
  const event = { seq: first, type: "run.succeeded", at: "2026-01-01T00:00:00Z" };
  const body = JSON.stringify({ events: [{ ...event, seq: first + 1 }, event] });
  return { runId: RUN, attempt: 2, body, signature: signRunEvents(TOKEN, body) };
};

describe("a published job", () => {
  test("of run-requested is as its contract says", async ({ ends }) => {
    await (await ends.publisher(runRequested)).publish(request(3));

    const [job, ...others] = await ends.raw("run-requested").getJobs();
    expect(others).toEqual([]);
    expect(job).toMatchObject({
      id: `${RUN}_3`,
      name: "run-requested",
      data: { contractVersion: 1, runId: RUN, attempt: 3 },
      opts: { attempts: 1, removeOnComplete: { age: 3_600 }, removeOnFail: { age: 86_400 } },
    });
  });

  test("of run-events is as its contract says, its id with the signature", async ({ ends }) => {
    const payload = report(5);

    await (await ends.publisher(runEvents)).publish(payload);

    const [job] = await ends.raw("run-events").getJobs();
    expect(job).toMatchObject({
      id: `${RUN}_2_${payload.signature}`,
      data: { contractVersion: 1, ...payload },
      opts: { attempts: 10, backoff: { type: "exponential", delay: 1_000 }, removeOnComplete: true },
    });
  });

  test("holds nothing the contract does not name", async ({ ends }) => {
    await (await ends.publisher(runRequested)).publish({ ...request(), ...{ input: "a secret" } });

    const [job] = await ends.raw("run-requested").getJobs();
    expect(job?.data).toEqual({ contractVersion: 1, ...request() });
  });

  test("again, alone or among others, is one job", async ({ ends }) => {
    const publisher = await ends.publisher(runRequested);

    await publisher.publish(request(1));
    await publisher.publish(request(1));
    await publisher.publishMany([request(1), request(2), request(2)]);
    await publisher.publishMany([]);

    const jobs = await ends.raw("run-requested").getJobs();
    expect(jobs.map(({ id }) => id).sort()).toEqual([`${RUN}_1`, `${RUN}_2`]);
  });

  test("of run-events that begins as another does and goes on differently is one of its own", async ({ ends }) => {
    const publisher = await ends.publisher(runEvents);
    const short = JSON.stringify({ events: JSON.parse(report().body).events.slice(0, 1) });

    await publisher.publish(report());
    await publisher.publish({ ...report(), body: short, signature: signRunEvents(TOKEN, short) });
    await publisher.publish(report());

    expect(await ends.raw("run-events").getJobs()).toHaveLength(2);
  });

  test("that does not fit the contract is not published, nor what came with it", async ({ ends }) => {
    const publisher = await ends.publisher(runRequested);

    for (const bad of [
      { runId: "run-1", attempt: 1 },
      { runId: RUN, attempt: 0 },
      { runId: RUN, attempt: 1.5 },
    ])
      await expect(publisher.publish(bad)).rejects.toThrow();
    await expect(publisher.publishMany([request(1), { runId: RUN, attempt: -1 }])).rejects.toThrow();

    expect(await ends.raw("run-requested").getJobs()).toEqual([]);
  });

  test("has an id that BullMQ takes: no colon, no integer", () => {
    for (const id of [runRequested.jobId(request()), runEvents.jobId(report())]) {
      expect(id).not.toContain(":");
      expect(id).not.toMatch(/^\d+$/);
    }
  });
});

describe("a consumer", () => {
  test("is handed the payload, and a completed run-events job is gone", async ({ ends }) => {
    const taken: RunEvents[] = [];
    ends.consumer(runEvents, { handle: async (payload) => void taken.push(payload) });

    await (await ends.publisher(runEvents)).publish(report());

    await expect.poll(() => taken).toEqual([report()]);
    await expect
      .poll(() => ends.raw("run-events").getJobCounts())
      .toMatchObject({ completed: 0, active: 0, failed: 0 });
  });

  test.for([
    ["another contract version", { contractVersion: 2, ...request() }, "the contract version is unknown"],
    ["a contract version that is a text", { contractVersion: "1", ...request() }, "the contract version is unknown"],
    ["no contract version", request(), "the contract version is unknown"],
    ["a run that is no id", { contractVersion: 1, runId: "x", attempt: 1 }, "the job does not fit the contract"],
    ["no attempt", { contractVersion: 1, runId: RUN }, "the job does not fit the contract"],
  ] as const)("fails a job with %s for good, reports it, and takes the next", async ([, data, reason], { ends }) => {
    const taken: RunRequested[] = [];
    const unreadable: unknown[] = [];
    const queue = ends.raw("run-requested");
    await queue.add("run-requested", data, { jobId: "stranger", attempts: 5, backoff: { type: "fixed", delay: 1 } });
    await (await ends.publisher(runRequested)).publish(request(7));

    ends.consumer(runRequested, {
      handle: async (payload) => void taken.push(payload),
      onUnreadable: async (job) => void unreadable.push(job),
    });

    await expect.poll(() => taken).toEqual([request(7)]);
    await expect.poll(() => queue.getFailedCount()).toBe(1);
    expect(await queue.getFailed()).toMatchObject([{ id: "stranger", failedReason: reason, attemptsMade: 1 }]);
    expect(unreadable).toEqual([{ id: "stranger", addedAt: expect.any(Number), data, reason }]);
  });

  test("tolerates fields that a later release may add", async ({ ends }) => {
    const taken: RunRequested[] = [];
    await ends.raw("run-requested").add("run-requested", { contractVersion: 1, ...request(), priority: 5 });

    ends.consumer(runRequested, { handle: async (payload) => void taken.push(payload) });

    await expect.poll(() => taken).toEqual([request()]);
  });

  test("that throws has a run-events job again, and a run-requested job failed", async ({ ends }) => {
    let tries = 0;
    const fail = async (): Promise<void> => {
      tries += 1;
      throw new Error("away");
    };
    ends.consumer(runEvents, { handle: fail });
    ends.consumer(runRequested, { handle: fail });

    await (await ends.publisher(runEvents)).publish(report());
    await (await ends.publisher(runRequested)).publish(request());

    await expect.poll(() => tries).toBeGreaterThanOrEqual(2);
    await expect.poll(() => ends.raw("run-events").getJobCounts()).toMatchObject({ delayed: 1, failed: 0 });
    await expect.poll(() => ends.raw("run-requested").getJobCounts()).toMatchObject({ delayed: 0, failed: 1 });
  });

  test("that closes ends the job in hand first", async ({ ends }) => {
    const queue = ends.raw("run-requested");
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = ends.consumer(runRequested, { handle: () => released });
    await (await ends.publisher(runRequested)).publish(request());
    await expect.poll(() => queue.getActiveCount()).toBe(1);

    const closed = consumer.close();
    release();
    await closed;

    expect(await queue.getJobCounts()).toMatchObject({ completed: 1, active: 0, waiting: 0 });
  });
});

describe("the publisher", () => {
  test("knows where a job is: on its way, in the hand of a consumer, or lost", async ({ ends }) => {
    const publisher = await ends.publisher(runRequested);
    const queue = ends.raw("run-requested");
    expect(await publisher.findJob(request())).toBe("lost");

    await publisher.publish(request());
    expect(await publisher.findJob(request())).toBe("waiting");
    expect(await publisher.findJob(request(2))).toBe("lost");

    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    ends.consumer(runRequested, { handle: () => finished });
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    expect(await publisher.findJob(request())).toBe("held");

    finish();
    await expect.poll(() => queue.getCompletedCount()).toBe(1);
    expect(await publisher.findJob(request())).toBe("lost");
  });

  test("cannot add an id whose ended job still lies there, until that is removed", async ({ ends }) => {
    const publisher = await ends.publisher(runRequested);
    const queue = ends.raw("run-requested");
    let taken = 0;
    ends.consumer(runRequested, {
      handle: async () => {
        taken += 1;
      },
    });
    await publisher.publish(request());
    await expect.poll(() => queue.getCompletedCount()).toBe(1);

    await publisher.publish(request());
    expect(await queue.getJobCounts()).toMatchObject({ completed: 1, waiting: 0, active: 0 });
    await publisher.remove(request());
    await publisher.publish(request());

    await expect.poll(() => taken).toBe(2);
  });

  test("removes nothing without harm", async ({ ends }) => {
    await expect((await ends.publisher(runRequested)).remove(request())).resolves.toBeUndefined();
  });

  test("rejects while Redis is away, or takes the connection and says nothing", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    const address = await new Promise<ReturnType<typeof silent.address>>((resolve) =>
      silent.once("listening", () => resolve(silent.address())),
    );
    const port = typeof address === "object" ? address?.port : undefined;

    for (const url of ["redis://127.0.0.1:9", `redis://127.0.0.1:${port}`]) {
      const publisher = createPublisher(runRequested, { url, prefix: "test" }, () => undefined);
      await expect(publisher.ping()).rejects.toThrow();
      await expect(publisher.publish(request())).rejects.toThrow();
      await publisher.close();
    }

    silent.close();
  });
});
