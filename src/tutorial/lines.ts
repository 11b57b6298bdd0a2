/** The machines of the tutorial: a queen bee and two worker bees. */
export const QUEEN = 'abelha-rainha';
export const WORKERS: readonly string[] = ['abelha-operaria-1', 'abelha-operaria-2'];
export const REDIS_COUNT = 4;
/** The bee that is switched off. */
const [LOST = ''] = WORKERS;

const CREATE = 'enxame machine create -d local --swarm --swarm-discovery token://$host:2374/v1/$token';

const COMPOSE_FILE = `services:
  redis:
    image: redis
    ports:
      - "6379"`;

type Line =
  | 'host'
  | 'service'
  | 'url'
  | 'token'
  | 'queen'
  | 'workers'
  | 'list'
  | 'env'
  | 'info'
  | 'folder'
  | 'file'
  | 'up'
  | 'ps'
  | 'ping'
  | 'kill'
  | 'moved'
  | 'elsewhere'
  | 'start'
  | 'back'
  | 'once';

/**
 * What a person types, in order. These very lines are run, by a shell; README.md and docs/tutorial.pt-BR.md show them, and a test holds them
 * to it.
 */
export const LINES: Readonly<Record<Line, string>> = {
  host: 'host=$(enxame machine host-address -d local)',
  service: 'enxame discovery -H tcp://$host:2374 --insecure &',
  url: 'export ENXAME_DISCOVERY_URL=http://$host:2374',
  token: 'token=$(enxame create)',
  queen: `${CREATE} --swarm-master ${QUEEN}`,
  workers: `${CREATE} ${WORKERS.join(' ')}`,
  list: 'enxame machine ls',
  env: `eval "$(enxame machine env --swarm ${QUEEN})"`,
  info: 'docker info',
  folder: 'mkdir article && cd article',
  file: `cat > compose.yaml <<EOF\n${COMPOSE_FILE}\nEOF`,
  up: `docker compose up -d --scale redis=${REDIS_COUNT}`,
  ps: 'docker ps',
  ping: 'redis-cli -u redis://$(docker port article-redis-1 6379) ping',
  kill: `enxame machine kill ${LOST}`,
  moved: `until [ $(docker ps | grep -vc ${LOST}/) = ${REDIS_COUNT + 1} ]; do sleep 1; done`,
  elsewhere: 'docker compose ps',
  start: `enxame machine start ${LOST}`,
  back: `until enxame nodes | grep -q "${LOST} .*Healthy"; do sleep 1; done`,
  once: 'docker ps -a',
};
