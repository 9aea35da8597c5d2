/** What services and runner consist of; their tests may do more. */
export const GUARDED = [
  "apps/*/src/**/*.{ts,py}",
  "packages/{crypto,db,egress,hasura-engine,queue,runs,service-kit}/src/**/*.ts",
];

/** `files`: which the rule is for; `except`: which it is not for. */
const RULES = [
  {
    files: /\.ts$/,
    pattern: /(?<![.\w$])(?:eval|Function)\s*\(/,
    says: "runs a text as code",
  },
  {
    files: /\.ts$/,
    pattern: /["'`](?:node:)?(?:vm|child_process)["'`]/,
    says: "runs a text as code or a command",
  },
  {
    files: /\.py$/,
    pattern: /(?<![.\w])(?:eval|exec|compile|__import__)\s*\(/,
    says: "runs a text as code",
  },
  {
    files: /\.py$/,
    pattern:
      /^\s*(?:import|from)\s+(?:subprocess|pickle|marshal|shelve|importlib|runpy|code|codeop|pty)\b|\bos\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*)\b/,
    says: "runs a command, or what it reads as code",
  },
  {
    files: /\.ts$/,
    except: [
      "packages/service-kit/src/secrets.ts",
      // The signatures of senders and runners, which are digests and no secrets.
      "apps/webhook-gateway/src/domain/schemes/hmac.ts",
      "apps/webhook-gateway/src/domain/signature.ts",
      "packages/queue/src/run-events.ts",
    ],
    pattern: /\btimingSafeEqual\b/,
    says: "compares secrets by itself: that is what secretMatches of service-kit is for",
  },
];

const COMPARISON = /([\w$.?]+)\s*[!=]==?\s*([\w$.?"'`-]+)/g;
const SECRET = /(?:secret|token|password|signature|digest)$/i;
const LITERAL = /^(?:undefined|null|None|true|false|["'`]|-?\d)/;
/** Where a name means something else: a token of JSON, the names of headers. */
const NO_SECRETS = [
  "packages/service-kit/src/read-json.ts",
  "packages/hasura-engine/src/session/authenticator.ts",
  "apps/webhook-gateway/src/domain/schemes/standard-webhooks.ts",
];

function comparesSecrets(line) {
  return [...line.matchAll(COMPARISON)].some(
    ([, left, right]) => (SECRET.test(left) && !LITERAL.test(right)) || (SECRET.test(right) && !LITERAL.test(left)),
  );
}

/** What a file holds that code of services must not, a line each. Comments do not count. */
export function findForbidden(file, text) {
  const rules = RULES.filter(({ files, except = [] }) => files.test(file) && !except.includes(file));
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*(?:\/\/|\/?\*|#)/.test(line)) return [];
    const found = rules.filter(({ pattern }) => pattern.test(line)).map(({ says }) => says);
    if (!NO_SECRETS.includes(file) && comparesSecrets(line))
      found.push("compares a secret in a time that tells of it: secretMatches of service-kit does not");
    return found.map((says) => `${file}:${index + 1} ${says}`);
  });
}
