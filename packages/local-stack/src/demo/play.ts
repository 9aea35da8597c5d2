import type { Outcome, Step } from "./story.ts";

export type Print = (line: string) => void;

/** Plays the steps in order and tells each; the failing one is named. */
export async function playStory(steps: readonly Step[], print: Print): Promise<{ failed: string | undefined }> {
  for (const [index, step] of steps.entries()) {
    const startedAt = performance.now();
    const label = `${String(index + 1).padStart(2)}  ${step.name}`;
    try {
      const telling = await step.play();
      print(`${label}  (${Math.round(performance.now() - startedAt)} ms)`);
      print(`      ${telling.who} → ${telling.call}`);
      print(`      ← ${telling.answer}`);
      print(`      shows: ${telling.proves}`);
    } catch (error) {
      print(`${label}  FAILED after ${Math.round(performance.now() - startedAt)} ms`);
      print(`      ${error instanceof Error ? error.message : String(error)}`);
      return { failed: step.name };
    }
  }
  return { failed: undefined };
}

/** Three commands a newcomer can paste. */
export function nextCommands(hasuraUrl: string, outcome: Outcome): string[] {
  const login = JSON.stringify({
    query: "mutation($e: String!, $p: String!) { login(email: $e, password: $p) { accessToken } }",
    variables: { e: outcome.email, p: outcome.password },
  });
  const run = JSON.stringify({
    query: `mutation { runWorkflow(workflowId: "${outcome.workflowId}", input: {name: "you"}) { runId status } }`,
  });
  const runs = JSON.stringify({
    query:
      "{ workflow_runs(order_by: {created_at: desc}, limit: 3) { status output logs { lines { message } error } } }",
  });
  const curl = (body: string, auth: string): string =>
    `curl -s ${hasuraUrl}/v1/graphql ${auth}-H 'content-type: application/json' -d '${body}'`;
  return [
    `TOKEN=$(${curl(login, "")} | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`,
    curl(run, '-H "authorization: Bearer $TOKEN" '),
    curl(runs, '-H "authorization: Bearer $TOKEN" '),
  ];
}
