import { LOOPBACK_ORIGIN } from "@control-plane/service-kit";
import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import type { EngineSettings } from "../settings.ts";

export type CorsSettings = Pick<EngineSettings, "corsDomain" | "corsLoopback">;

/** `HASURA_GRAPHQL_CORS_DOMAIN`: `*`, or origins separated by commas, each with an optional `*.` before its host. */
export async function registerCors(server: FastifyInstance, settings: CorsSettings): Promise<void> {
  const any = patternsOf(settings.corsDomain).includes("*");
  await server.register(cors, {
    origin: any ? "*" : (origin, decide) => decide(null, origin !== undefined && isOriginAllowed(origin, settings)),
    credentials: !any,
    methods: ["GET", "POST", "OPTIONS"],
    maxAge: 1_728_000,
  });
}

export function isOriginAllowed(origin: string, { corsDomain, corsLoopback }: CorsSettings): boolean {
  if (corsLoopback && LOOPBACK_ORIGIN.test(origin)) return true;
  return patternsOf(corsDomain).some((pattern) => pattern === "*" || originMatches(origin, pattern));
}

function patternsOf(domains: string): string[] {
  return domains
    .split(",")
    .map((domain) => domain.trim().replace(/\/+$/, ""))
    .filter((domain) => domain !== "");
}

function originMatches(origin: string, pattern: string): boolean {
  if (!pattern.includes("*.")) return origin.toLowerCase() === pattern.toLowerCase();
  const [scheme, host] = pattern.split("*.");
  const lower = origin.toLowerCase();
  const label = lower.slice((scheme ?? "").length, -`.${host ?? ""}`.length);
  return (
    lower.startsWith((scheme ?? "").toLowerCase()) &&
    lower.endsWith(`.${host ?? ""}`.toLowerCase()) &&
    /^[a-z0-9-]+$/.test(label)
  );
}
