import type { Network } from '../engine-state.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** Local networks. */
export const networkRoutes: RouteTable = {
  'GET networks': ({ state, exchange }) => {
    exchange.json(200, `[${[...state.networks.values()].map(toJson).join(',')}]\n`);
  },
  'GET networks/{}': withNetwork(({ exchange }, network) => exchange.json(200, toJson(network))),
  'POST networks/create': ({ state, exchange }) => {
    exchange.readJson((body) => {
      const name = String(body.Name ?? '');
      if (state.findNetwork(name) !== undefined) return exchange.error(409, `network with name ${name} already exists`);
      const driver = String(body.Driver || 'bridge');
      const network = state.addNetwork(name, driver, (body.Labels ?? {}) as Record<string, string>);
      state.events.emit('network', 'create', network.id, { name, type: driver });
      exchange.json(201, `{"Id":"${network.id}","Warning":""}\n`);
    });
  },
  'POST networks/{}/connect': withNetwork(connection('connect')),
  'POST networks/{}/disconnect': withNetwork(connection('disconnect')),
  'DELETE networks/{}': withNetwork(({ state, exchange }, network) => {
    state.networks.delete(network.id);
    state.events.emit('network', 'destroy', network.id, { name: network.name, type: network.driver });
    exchange.empty(204);
  }),
};

function withNetwork(handler: (context: RouteContext, network: Network) => void): (context: RouteContext) => void {
  return (context) => {
    const network = context.state.findNetwork(context.name);
    if (network === undefined) context.exchange.error(404, `network ${context.name} not found`);
    else handler(context, network);
  };
}

function connection(action: 'connect' | 'disconnect'): (context: RouteContext, network: Network) => void {
  return ({ state, exchange }, network) =>
    exchange.readJson((body) => {
      const container = state.find(String(body.Container ?? ''));
      if (container === undefined) return exchange.error(404, `No such container: ${String(body.Container)}`);
      state.events.emit('network', action, network.id, {
        container: container.id,
        name: network.name,
        type: network.driver,
      });
      exchange.send(200, '', 'text/plain');
    });
}

function toJson(network: Network): string {
  return JSON.stringify({
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdAt).toISOString(),
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: network.labels,
  });
}
