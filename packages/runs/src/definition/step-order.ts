import type { StepDefinition } from "./definition.ts";

type GraphNode = { readonly key: string; readonly dependsOn: readonly string[] };

/** Steps in an order in which each comes after what it depends on; ties keep the order of the definition. */
export function orderSteps(steps: readonly StepDefinition[]): StepDefinition[] {
  const placed = new Set<string>();
  const ordered: StepDefinition[] = [];
  let waiting = [...steps];
  while (waiting.length > 0) {
    const next = waiting.find(({ dependsOn }) => dependsOn.every((key) => placed.has(key)));
    if (next === undefined) throw new Error("the steps form a cycle");
    ordered.push(next);
    placed.add(next.key);
    waiting = waiting.filter((step) => step !== next);
  }
  return ordered;
}

/**
 * The keys along each cycle, first and last the same. Of cycles that share a step only one is told: breaking it may break
 * the others. Unknown dependencies are passed over.
 */
export function findCycles(steps: readonly GraphNode[]): string[][] {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const done = new Set<string>();
  const told = new Set<string>();
  const cycles: string[][] = [];
  const path: string[] = [];
  const visit = (key: string): void => {
    const start = path.indexOf(key);
    if (start >= 0) {
      const cycle = path.slice(start);
      if (cycle.some((member) => told.has(member))) return;
      for (const member of cycle) told.add(member);
      cycles.push([...cycle, key]);
      return;
    }
    if (done.has(key)) return;
    path.push(key);
    for (const dependency of byKey.get(key)?.dependsOn ?? []) if (byKey.has(dependency)) visit(dependency);
    path.pop();
    done.add(key);
  };
  for (const { key } of steps) visit(key);
  return cycles;
}

/** Every step that must be over before this one starts. */
export function upstreamOf(steps: readonly GraphNode[], key: string): ReadonlySet<string> {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const found = new Set<string>();
  const visit = (current: string): void => {
    for (const dependency of byKey.get(current)?.dependsOn ?? []) {
      if (found.has(dependency)) continue;
      found.add(dependency);
      visit(dependency);
    }
  };
  visit(key);
  return found;
}
