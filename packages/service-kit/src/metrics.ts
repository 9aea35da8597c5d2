import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Makers of this service's metrics. Labels never carry a tenant, an id or a raw path. */
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(
    name: string,
    help: string,
    labels?: readonly string[],
    collect?: (gauge: Gauge) => Promise<void> | void,
  ): Gauge;
  histogram(name: string, help: string, labels: readonly string[], bucketsSeconds: readonly number[]): Histogram;
  /** Prometheus text. */
  render(): Promise<string>;
  contentType: string;
};

/** One registry per service object, so that two servers in one test process do not meet. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect === undefined
          ? {}
          : {
              async collect(this: Gauge) {
                await collect(this);
              },
            }),
      }),
    histogram: (name, help, labels, bucketsSeconds) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...bucketsSeconds], registers }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
