/**
 * What Node.js is started with to serve. Left to itself V8 lets documents that come once pile up to more than 200 MB before
 * it collects them, of which 40 MB are in use. The limit is what the tests of hostile documents have.
 */
export const ENGINE_NODE_OPTIONS: readonly string[] = ["--max-semi-space-size=4", "--max-old-space-size=320"];
