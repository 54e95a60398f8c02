import { Counter, Gauge, Registry } from 'prom-client';
import type { Metric } from '../../ports/control-api.ts';

export const contentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** The text exposition format. A registry of its own for each answer: nothing is collected while nobody asks. */
export function metricsText(metrics: readonly Metric[]): Promise<string> {
  const registry = new Registry();
  for (const { name, help, type, samples } of metrics) {
    const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
    const settings = { name, help, labelNames, registers: [registry] };
    const family = type === 'counter' ? new Counter(settings) : new Gauge(settings);
    for (const { labels, value } of samples) family.inc(labels, value);
  }
  return registry.metrics();
}
