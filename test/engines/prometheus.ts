import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A real Prometheus that scrapes one manager every second. Close it. */
export interface Prometheus {
  /** The values of an expression by the series' labels as JSON. */
  query(expression: string): Promise<ReadonlyMap<string, number>>;
  /** Names of the alerts that fire at present. */
  firing(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const RULES = 'docs/observability/alerts.yml';

/** Starts Debian's Prometheus in `folder` with the rules of the docs, without their patience. `target` is `host:port`. */
export async function startPrometheus(folder: string, target: string): Promise<Prometheus> {
  const rules = (await readFile(RULES, 'utf8')).replace(/for: \d+m/g, 'for: 0s');
  await writeFile(join(folder, 'alerts.yml'), rules);
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name: 'enxame', static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const args = ['--web.listen-address=127.0.0.1:0', `--storage.tsdb.path=${join(folder, 'data')}`];
  const child = spawn('prometheus', [...args, `--config.file=${join(folder, 'prometheus.yml')}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const address = await listening(child);
  const ask = async (path: string): Promise<unknown> => (await fetch(`http://${address}/api/v1/${path}`)).json();
  return {
    query: async (expression) => {
      const answer = (await ask(`query?query=${encodeURIComponent(expression)}`)) as {
        readonly data: { readonly result: readonly { readonly metric: object; readonly value: [number, string] }[] };
      };
      return new Map(answer.data.result.map(({ metric, value }) => [JSON.stringify(metric), Number(value[1])]));
    },
    firing: async () => {
      const answer = (await ask('alerts')) as {
        readonly data: {
          readonly alerts: readonly { readonly state: string; readonly labels: { alertname: string } }[];
        };
      };
      return answer.data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`prometheus ended:\n${said}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /msg="Listening on" address=(\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}
