/**
 * A program that uses Testcontainers as its documentation shows, against the endpoint that DOCKER_HOST names. It says each step on a line of JSON,
 * `{"step": NAME, "saw": WHAT}`, and then waits to be killed.
 */
import { DockerComposeEnvironment, GenericContainer, Network, Wait } from 'testcontainers';

const IMAGE = 'busybox';
/** Against what never comes, in milliseconds. */
const LONGEST = 300_000;
const folder = process.argv[2];

function serving(text) {
  const page = `mkdir -p /www && echo ${text} >/www/index.html && echo ready: ${text} && exec httpd -f -p 80 -h /www`;
  return new GenericContainer(IMAGE).withCommand(['sh', '-c', page]).withExposedPorts(80).withStartupTimeout(LONGEST);
}

async function pageOf(container, port = 80) {
  const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(port)}/`);
  return (await answer.text()).trim();
}

const steps = {
  async ports() {
    return await pageOf(await serving('ports').withWaitStrategy(Wait.forListeningPorts()).start());
  },
  async log() {
    return await pageOf(
      await serving('log')
        .withWaitStrategy(Wait.forLogMessage(/ready: log/))
        .start(),
    );
  },
  async http() {
    return await pageOf(await serving('http').withWaitStrategy(Wait.forHttp('/', 80)).start());
  },
  async health() {
    const test = ['CMD-SHELL', 'wget -q -O /dev/null http://127.0.0.1/'];
    const container = serving('health').withHealthCheck({ test, interval: 500, timeout: 60_000, retries: 100 });
    return await pageOf(await container.withWaitStrategy(Wait.forHealthCheck()).start());
  },
  async exec() {
    const container = await serving('exec').start();
    const { exitCode, output } = await container.exec(['sh', '-c', 'cat /www/index.html; exit 3']);
    await container.copyContentToContainer([{ content: 'copied', target: '/www/copied' }]);
    const { output: copied } = await container.exec(['cat', '/www/copied']);
    return [exitCode, output.trim(), copied];
  },
  async network() {
    const network = await new Network().start();
    await serving('by alias').withNetwork(network).withNetworkAliases('server').start();
    const other = await serving('other').withNetwork(network).start();
    return (await other.exec(['wget', '-q', '-O', '-', 'http://server/'])).output.trim();
  },
  async image() {
    const built = await GenericContainer.fromDockerfile(folder).build();
    return (await (await built.withStartupTimeout(LONGEST).withExposedPorts(80).start()).exec(['cat', '/built']))
      .output;
  },
  async compose() {
    const up = await new DockerComposeEnvironment(folder, 'compose.yaml').withStartupTimeout(LONGEST).up();
    return await pageOf(up.getContainer('web-1'));
  },
};

for (const [step, take] of Object.entries(steps)) {
  try {
    process.stdout.write(`${JSON.stringify({ step, saw: await take() })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ step, failed: String(error?.stack ?? error) })}\n`);
  }
}
process.stdout.write('{}\n');
setInterval(() => undefined, LONGEST);
