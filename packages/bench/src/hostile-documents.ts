/** Documents by which one tenant stalled all others: each is short, and means seconds of planning, matching or writing. */
export const HOSTILE_DOCUMENTS = {
  "fragments that multiply": multiplying(8),
  "conditions inside conditions": `{ workflows(where: ${nestedCondition(7)}) { id } }`,
  "a pattern with back references": String.raw`{ workflows(where: {description: {_regex: "^(a+)(a+)(a+)\\1\\2\\3a$"}}) { id } }`,
  "150 introspections": `{ ${times(150, (index) => `a${index}: __schema { types { name fields { name args { name type { name ofType { name } } } } } }`)} }`,
  "a large answer": "{ tenants { workflows { tenant { workflows { description a: description b: description } } } } }",
} as const;

/** Of each workflow of the tenant that sends them. */
export const HOSTILE_DESCRIPTION_LENGTH = 1_900;

function multiplying(levels: number): string {
  const fragments = times(
    levels,
    (level) =>
      `fragment f${level} on workflows { x${level}: tenant { id } tenant { workflows { ...f${level + 1} } memberships { tenant { workflows { ...f${level + 1} } } } } }`,
  );
  return `{ workflows(limit: 1) { ...f0 } } ${fragments} fragment f${levels} on workflows { id }`;
}

/** `w = {tenant: {workflows: {_or: [w, w]}}}`. */
function nestedCondition(levels: number): string {
  const inner = levels === 1 ? '{name: {_eq: "x"}}' : nestedCondition(levels - 1);
  return `{tenant: {workflows: {_or: [${inner}, ${inner}]}}}`;
}

function times(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join(" ");
}
