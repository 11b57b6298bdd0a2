import { DEFAULT_MANAGER } from './options.ts';

/** What `npm run bench -- help` prints. */
export const USAGE: string = `Measures a manager of many Docker engines on a simulated fleet.

  npm run bench -- [PART] [OPTIONS]

  all        every part below but page, publish, browser, sweep, soak, records, compare, failover, cheapest and stores (the default)
  boot       from the start of the manager until it shows every node as healthy
  read       info, ps and inspect; memory after boot and at peak
  schedule   create + start
  events     events to 1 and 100 subscribers, slow subscribers
  streams    long streams through archive, logs and attach
  failure    nodes that refuse, hang and drop packets
  idle       what the manager burns when nothing happens
  browser    frames of the page’s map in Chromium while 100 changes happen each second
  page       50 viewers of the page of Enxame’s own manager; samples of use
  publish    relayed streams and connections of published ports, beside raw pipes
  cheapest   how long a plan for the cheapest nodes takes, and how far it may be from the best
  records    memory and create + start with every container recorded, and the state on disk
  compare    create + start of two builds in turns, --manager and --against
  failover   300 containers of a node whose host is gone, until they run elsewhere
  stores     create + start with each store that managers share, and through a replica; needs Debian's etcd and ZooKeeper
  sweep      cost over the number of nodes
  soak       churn, load and faults for --minutes
  report     writes the results into docs/performance.md
  fleet      only the fleet, with a control port, for playing by hand

  --nodes N            1000           --containers N    30, per node
  --clients A,B,C      1,16,64        --seconds N       4, per measurement
  --sweep NxC,…        10x30,100x30,1000x30,5000x60
  --minutes N          30, of a soak  --mib N           1024, per stream
  --tls                mutual TLS on both sides
  --quick              everything short, to try the benchmark itself: the figures are worth nothing
  --out FOLDER         bench/results  --control PORT    of fleet; default: any
  --healthy HOW        auto, status (rows of SystemStatus) or containers (their sum)
  --manager COMMAND    how to start the manager; "none" measures the floors only

  --against COMMAND    how to start the manager that it is compared with

The manager's command is split into words, without a shell. It may hold {port}, {nodesFile} (one host:port a line),
{nodes} (host:port,…), {stateDir} (a folder of its own), {ca} {cert} {key} (PEM files) and {tlsFlags}. The default is
  ${DEFAULT_MANAGER}
`;
