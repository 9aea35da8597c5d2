import type { Store, StoreOptions } from "./run-server.ts";
import { type StoreName, StoreUnavailableError } from "./store-unavailable.ts";

type Recipe = {
  image: string;
  port: number;
  environment: Record<string, string>;
  command: string[];
  ready: RegExp;
  times: number;
  url: (host: string, port: number) => string;
};

/** Versions and settings of docker-compose; the settings match those of the servers started without Docker. */
const RECIPES = {
  postgres: {
    image: "postgres:18",
    port: 5432,
    environment: {
      POSTGRES_HOST_AUTH_METHOD: "trust",
      POSTGRES_INITDB_ARGS: "--locale-provider=builtin --builtin-locale=C.UTF-8 --encoding=UTF8",
    },
    command: ["postgres", "-c", "max_connections=400", "-c", "timezone=UTC"],
    // The image starts the server twice, the first time for its own set-up.
    ready: /database system is ready to accept connections/,
    times: 2,
    url: (host, port) => `postgres://postgres@${host}:${port}/postgres`,
  },
  redis: {
    image: "redis:7",
    port: 6379,
    environment: {},
    command: ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
    ready: /Ready to accept connections/,
    times: 1,
    url: (host, port) => `redis://${host}:${port}`,
  },
  mongo: {
    image: "mongo:8",
    port: 27017,
    environment: {},
    command: ["mongod", "--bind_ip_all"],
    ready: /Waiting for connections/,
    times: 1,
    url: (host, port) => `mongodb://${host}:${port}/?directConnection=true`,
  },
} as const satisfies Record<StoreName, Recipe>;

/**
 * Runs a store with testcontainers, whose own watchdog container removes it when this process dies.
 * Its data goes with the container: `STORES=docker` keeps nothing from one start to the next.
 */
export async function startInDocker(store: StoreName, options: StoreOptions): Promise<Store> {
  const recipe: Recipe = RECIPES[store];
  options.log(`${store}: starting a container of ${recipe.image} …`);
  try {
    const { GenericContainer, Wait } = await import("testcontainers");
    const container = await new GenericContainer(recipe.image)
      .withEnvironment(recipe.environment)
      .withCommand(recipe.command)
      .withExposedPorts(recipe.port)
      .withWaitStrategy(Wait.forLogMessage(recipe.ready, recipe.times))
      .withStartupTimeout(180_000)
      .start();
    return {
      url: recipe.url(container.getHost(), container.getMappedPort(recipe.port)),
      source: `Docker, ${recipe.image}`,
      stop: async () => {
        await container.stop();
      },
    };
  } catch (error) {
    throw new StoreUnavailableError(
      store,
      `Docker could not run ${recipe.image} (${String(error).split("\n")[0]})`,
      "start Docker, or unset STORES",
      { cause: error },
    );
  }
}
