import type { StepDefinition } from "./definition.ts";

/** Steps in an order in which each comes after what it depends on; ties keep the order of the definition. */
export function orderSteps(steps: readonly StepDefinition[]): StepDefinition[] {
  const placed = new Set<string>();
  const ordered: StepDefinition[] = [];
  let waiting = [...steps];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ dependsOn }) => dependsOn.every((key) => placed.has(key)));
    const [next] = ready;
    if (next === undefined) throw new Error("the steps form a cycle");
    ordered.push(next);
    placed.add(next.key);
    waiting = waiting.filter((step) => step !== next);
  }
  return ordered;
}

/** The keys along one cycle, or undefined where there is none. Unknown dependencies are passed over. */
export function findCycle(steps: readonly StepDefinition[]): string[] | undefined {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (key: string): string[] | undefined => {
    const start = path.indexOf(key);
    if (start >= 0) return [...path.slice(start), key];
    if (done.has(key)) return undefined;
    path.push(key);
    for (const dependency of byKey.get(key)?.dependsOn ?? []) {
      const cycle = byKey.has(dependency) ? visit(dependency) : undefined;
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(key);
    return undefined;
  };
  for (const { key } of steps) {
    const cycle = visit(key);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Every step that must be over before this one starts. */
export function upstreamOf(steps: readonly StepDefinition[], key: string): ReadonlySet<string> {
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
