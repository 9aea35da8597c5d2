/** Addresses of the stores, set by the package's globalSetup (`startStoresForVitest` of local-stores). */
export function storeUrl(variable: "DATABASE_URL" | "REDIS_URL" | "MONGODB_URL"): string {
  const url = process.env[variable];
  if (url === undefined || url === "") {
    throw new Error(`${variable} is not set: the package needs the globalSetup of local-stores`);
  }
  return url;
}
