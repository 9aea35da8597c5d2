import { join } from "node:path";
import { defineCell } from "../cell.ts";
import { createProgram } from "../program.ts";

/** Keys are changed under load by a command that dies in the middle: nothing becomes unreadable. */
export const keysRotated = defineCell({
  id: "S23",
  title: "kill -9 of rotate-kek and rotate-dek between two rows, under load",
  failpoints: ["keys.between-rows"],
  async play({ begin, stage, gateway, send, size, settle, must, awaitDeath, random }) {
    const receivers = await begin();
    const first: { keys: Record<string, string> } = JSON.parse(stage.input.secrets.keyring);
    const keyring = JSON.stringify({
      current: "k2",
      keys: { ...first.keys, k2: Buffer.alloc(32, random.int(1, 255)).toString("base64") },
    });
    await gateway.stop();
    await gateway.start({ env: { KEYRING: keyring } });
    await send({ receivers, count: Math.ceil(size / 4) });
    const command = (...args: string[]) => {
      const auth = stage.program("auth-actions");
      return createProgram({
        name: `keys-${args[0]}`,
        args: [...auth.args.slice(0, -1), auth.args.at(-1)?.replace(/main\.(ts|js)$/, "cli/keys.$1") ?? "", ...args],
        env: { PATH: process.env.PATH ?? "", DATABASE_URL: stage.databaseUrl, KEY_PROVIDER: "local", KEYRING: keyring },
        cwd: stage.folder,
        logDir: join(stage.folder, "logs"),
        readyUrl: undefined,
      });
    };
    const sending = send({ receivers, count: Math.ceil(size / 2) });
    for (const name of ["rotate-kek", "rotate-dek"]) {
      const killed = command(name);
      await killed.start({ failpoints: "keys.between-rows:kill@1" });
      await awaitDeath(killed, "keys.between-rows");
    }
    await sending;
    await settle();
    await gateway.stop();
    for (const args of [["rotate-kek"], ["rotate-dek", "--rest-seconds", "0"], ["verify"]]) {
      const whole = command(...args);
      await whole.start();
      must(await whole.ended(120_000), `${args[0]} does not end`);
      must(!/does not open|"level":"(error|fatal)"/.test(await whole.logText()), `${args[0]} failed after a crash`);
    }
    await gateway.start({ env: { KEYRING: keyring } });
    await send({ receivers, count: 10 });
    await settle();
  },
});
