import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Sets the value of one series; its labels in the order in which they were declared. */
export type Report = (value: number, ...labels: readonly string[]) => void;

interface Declared {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Declares metrics of one registry. Values that something counts anyway are read when they are asked for. */
export class Meters {
  /** Labels of each metric declared here, by its name. */
  readonly labels: Map<string, readonly string[]> = new Map();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** What may rise and fall. `read` tells every series there is; those it does not tell are gone. */
  gauge({ name, help, labels = [] }: Declared, read: (report: Report) => void): void {
    this.labels.set(name, labels);
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        this.reset();
        read((value, ...values) => this.set(labelled(labels, values), value));
      },
    });
  }

  /** What only grows, counted elsewhere. `read` tells every series there is. */
  counter({ name, help, labels = [] }: Declared, read: (report: Report) => void): void {
    this.labels.set(name, labels);
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        this.reset();
        read((value, ...values) => this.inc(labelled(labels, values), value));
      },
    });
  }

  /** Times in seconds. Returns what observes one, its labels in the order in which they were declared. */
  histogram({ name, help, labels = [] }: Declared, buckets: readonly number[]): Report {
    this.labels.set(name, labels);
    const histogram = new Histogram({
      name,
      help,
      labelNames: [...labels],
      buckets: [...buckets],
      registers: [this.#registry],
    });
    return (value, ...values) => histogram.observe(labelled(labels, values), value);
  }
}

function labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [at, name] of names.entries()) labels[name] = values[at] ?? '';
  return labels;
}
