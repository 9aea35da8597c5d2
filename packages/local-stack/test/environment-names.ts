/** Keys of Hasura metadata whose value is the name of an environment variable. */
const NAMING_KEYS: readonly string[] = ["from_env", "value_from_env", "url_from_env", "webhook_from_env"];

/**
 * Every environment variable a metadata object reads, sorted. Hasura drops an object whose variable is unset from its schema without
 * an error, so each name must be given to every engine that serves the directory.
 */
export function metadataEnvironmentNames(metadata: unknown): string[] {
  return [...new Set(namesIn(metadata))].sort();
}

function namesIn(value: unknown): string[] {
  if (typeof value === "string")
    return [...value.matchAll(/\{\{([A-Za-z_]\w*)\}\}/g)].flatMap((match) => match[1] ?? []);
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    NAMING_KEYS.includes(key) && typeof item === "string" ? [item] : namesIn(item),
  );
}
