import type { Database } from "@control-plane/db";
import { type AppOptions, addApp, type TestApp } from "./app.ts";
import { type CatalogueAction, findCatalogueAction } from "./definition.ts";
import { addTenant, type TenantOptions, type TestTenant } from "./tenant.ts";

/** Builders of rows with unique names, written directly as the administrator. */
export type World = {
  tenant(options?: TenantOptions): Promise<TestTenant>;
  /** An app of the global catalogue. */
  globalApp(options?: AppOptions): Promise<TestApp>;
  /** An action of the seeded catalogue, by `app.action`, for example `core.echo`. */
  action(name: string): Promise<CatalogueAction>;
};

export function createWorld(db: Database): World {
  return {
    tenant: (options) => addTenant(db, options),
    globalApp: (options) => addApp(db, null, options),
    action: (name) => findCatalogueAction(db, name),
  };
}
