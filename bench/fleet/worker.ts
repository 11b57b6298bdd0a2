import { serveParent } from '../process/child.ts';
import type { FleetCommand } from './command.ts';
import { EngineHost } from './engine-host.ts';

let host: EngineHost | undefined;

serveParent<FleetCommand>((command) => {
  if (command.kind === 'start') {
    host = new EngineHost(command.population, command.from, command.to, command.tls);
    return host.start();
  }
  if (host === undefined) throw new Error('the fleet worker was not started');
  switch (command.kind) {
    case 'fault':
      return host.apply(command.nodes, command.fault);
    case 'churn':
      return host.churn(command.operationsPerSecond);
    case 'emit':
      return host.emit(command.from, command.count, command.perSecond);
    case 'dump':
      return host.dump();
    case 'counters':
      return host.counters();
  }
});
