import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { onTestFinished } from "vitest";

const TYPES: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" };
const CODES = { NXDOMAIN: 3, SERVFAIL: 2 } as const;

/** `silence` never answers. */
export type DnsAnswer = readonly string[] | keyof typeof CODES | "silence";

/** A name server over UDP. `answer` is asked once per query. @returns its address for {@link createResolve} */
export async function openDns(answer: (name: string, type: "A" | "AAAA") => DnsAnswer): Promise<string> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, end } = readName(query);
    const type = TYPES[query.readUInt16BE(end)];
    const given = type === undefined ? [] : answer(name, type);
    if (given === "silence") return;
    const question = query.subarray(12, end + 4);
    const records = typeof given === "string" ? [] : given.map(record);
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (typeof given === "string" ? CODES[given] : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([head, question, ...records]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    socket.close();
  });
  return `127.0.0.1:${socket.address().port}`;
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("ascii", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join("."), end: at + 1 };
}

/** The name of the question, class IN, no lifetime. */
function record(address: string): Buffer {
  const data = isIPv4(address)
    ? Buffer.from(address.split(".").map(Number))
    : Buffer.from(
        address
          .split(":")
          .map((group) => group.padStart(4, "0"))
          .join(""),
        "hex",
      );
  const head = Buffer.from("c00c0000000100000000", "hex");
  head.writeUInt16BE(data.length === 4 ? 1 : 28, 2);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length);
  return Buffer.concat([head, length, data]);
}
