import { type Client, createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { z } from "zod";

export type Reply = {
  /** The answer as it came, to be compared byte by byte; only the id that each request has of its own is left out. */
  body: string;
  data: unknown;
  refusal: { code: string; message: string } | undefined;
};
export type Asked = {
  variables?: Readonly<Record<string, unknown>>;
  token?: string | undefined;
  headers?: Readonly<Record<string, string>>;
  /** What of the other tenant this text names may be in the answer. */
  mayShow?: string;
};
export type Api = {
  ask(document: string, asked?: Asked): Promise<Reply>;
  /** Subscribes and gives the first answer. */
  first(document: string, asked?: Omit<Asked, "headers">): Promise<Reply>;
  /** Subscribes; `seen` gives every answer until now. */
  watch(document: string, asked?: Omit<Asked, "headers">): { seen: () => Reply[]; stop: () => void };
  close(): Promise<void>;
};

const errorsSchema = z.array(z.object({ message: z.string(), extensions: z.looseObject({ code: z.string() }) })).min(1);
const answerSchema = z.object({ data: z.unknown().optional(), errors: errorsSchema.optional() });

export class StrangerShownError extends Error {}

/**
 * The API as clients of one tenant see it. Whatever it answers is searched for `strangers`, the marks and ids of the
 * other tenant: StrangerShownError, which fails the test that asked.
 */
export function openWatchedApi(hasuraUrl: string, strangers: readonly string[]): Api {
  const clients = new Map<string | undefined, Client>();

  function read(body: string, mayShow = ""): Reply {
    const shown = strangers.filter((stranger) => body.includes(stranger) && !mayShow.includes(stranger));
    if (shown.length > 0) throw new StrangerShownError(`the answer shows ${shown.join(", ")}: ${body}`);
    const { data, errors } = answerSchema.parse(JSON.parse(body));
    const error = errors?.[0];
    return {
      body: body.replaceAll(/"requestId":"[^"]*"/g, '"requestId":""'),
      data,
      refusal: error === undefined ? undefined : { code: error.extensions.code, message: error.message },
    };
  }

  function clientOf(token: string | undefined): Client {
    const known = clients.get(token);
    if (known !== undefined) return known;
    const made = createClient({
      url: `${hasuraUrl.replace(/^http/, "ws")}/v1/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { headers: bearer(token) },
      retryAttempts: 0,
    });
    clients.set(token, made);
    return made;
  }

  function subscribe(document: string, { variables = {}, token }: Asked, onAnswer: (body: string) => void): () => void {
    return clientOf(token).subscribe(
      { query: document, variables },
      {
        next: (answer) => onAnswer(JSON.stringify(answer)),
        error: (error) => onAnswer(JSON.stringify({ errors: errorsSchema.catch([closed(error)]).parse(error) })),
        complete: () => {},
      },
    );
  }

  return {
    async ask(document, asked = {}) {
      const { variables = {}, token, headers = {} } = asked;
      const reply = await fetch(`${hasuraUrl}/v1/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(token), ...headers },
        body: JSON.stringify({ query: document, variables }),
      });
      return read(await reply.text(), asked.mayShow);
    },
    async first(document, asked = {}) {
      let stop = (): void => {};
      const body = await new Promise<string>((resolve) => {
        stop = subscribe(document, asked, resolve);
      });
      stop();
      return read(body, asked.mayShow);
    },
    watch(document, asked = {}) {
      const bodies: string[] = [];
      const stop = subscribe(document, asked, (body) => bodies.push(body));
      return { seen: () => bodies.map((body) => read(body, asked.mayShow)), stop };
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.dispose()));
    },
  };
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The socket went away instead of an answer. */
function closed(event: unknown): z.infer<typeof errorsSchema>[number] {
  return { message: String(event), extensions: { code: "closed" } };
}
