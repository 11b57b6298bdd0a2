#!/usr/bin/env node
// A VBoxManage for tests: keeps its machines, disks and interfaces in $FAKE_VBOX/state.json and refuses what the real one would:
// unknown subcommands and flags, machines that do not exist or are in the wrong state, media that are not there or still attached.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

class Refusal extends Error {
  constructor(text, exit) {
    super(text);
    this.exit = exit;
  }
}

const fail = (message, code = 'E_INVALIDARG (0x80070057)') => {
  const details = `VBoxManage: error: Details: code ${code}, component X, interface Y\n`;
  throw new Refusal(`VBoxManage: error: ${message}\n${details}`, 1);
};
const syntax = (message) => {
  throw new Refusal(`VBoxManage: error: Syntax error: ${message}\n`, 2);
};

/** Runs one command on the state in `folder`; answers what the program would exit with and print. */
export function vboxManage(folder, [command = '', ...args]) {
  const file = join(folder, 'state.json');
  const empty = { vms: {}, disks: {}, interfaces: [{ name: 'vboxnet0', ip: '192.168.56.1' }], next: 1 };
  const state = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : empty;
  try {
    const commands = commandsOf(state);
    if (!(command in commands)) syntax(`Invalid command '${command}'`);
    const stdout = `${commands[command](args)}\n`;
    writeFileSync(file, JSON.stringify(state));
    return { exit: 0, stdout, stderr: '' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { exit: error.exit, stdout: '', stderr: error.message };
  }
}

/** Reads `--flag value…` pairs; `known` says how many values each flag takes. */
function flags(args, known) {
  const values = {};
  for (let at = 0; at < args.length; ) {
    const flag = args[at];
    if (!(flag in known)) syntax(`Unknown option: ${flag}`);
    const given = args.slice(at + 1, at + 1 + known[flag]);
    if (given.length < known[flag]) syntax(`Missing value for ${flag}`);
    values[flag.slice(2)] = known[flag] === 0 ? true : given.length === 1 ? given[0] : given;
    at += 1 + known[flag];
  }
  return values;
}

function stopped(vm) {
  if (vm.state !== 'poweroff')
    fail(`The machine '${vm.name}' is already locked for a session`, 'VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)');
  return vm;
}

const mb = (text) => (/^\d+$/.test(text) && Number(text) > 0 ? Number(text) : syntax(`Invalid number '${text}'`));
const mac = (text) => (/^080027[0-9a-f]{6}$/i.test(text) ? text : fail(`Invalid MAC address '${text}'`));
const oneOf = (text, ...choices) => (choices.includes(text) ? text : syntax(`Invalid argument '${text}'`));

function commandsOf(state) {
  function machine(name) {
    const found = state.vms[name] ?? Object.values(state.vms).find(({ uuid }) => uuid === name);
    if (!found) fail(`Could not find a registered machine named '${name}'`, 'VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)');
    return found;
  }

  return {
    '--version': () => '7.0.20r163906',
    list: ([what]) => {
      if (what === 'vms')
        return Object.values(state.vms)
          .map(({ name, uuid }) => `"${name}" {${uuid}}`)
          .join('\n');
      if (what !== 'hostonlyifs') return syntax(`Unknown subcommand ${what}`);
      const block = ({ name, ip }) =>
        `Name:            ${name}\nGUID:            786f\nDHCP:            Disabled\nIPAddress:       ${ip}\nNetworkMask:     255.255.255.0\nStatus:          Up\nVBoxNetworkName: HostInterfaceNetworking-${name}\n`;
      return state.interfaces.map(block).join('\n');
    },
    hostonlyif: ([verb, name, ...rest]) => {
      if (verb === 'create') {
        const made = `vboxnet${state.interfaces.length}`;
        state.interfaces.push({ name: made, ip: `192.168.${56 + state.interfaces.length}.1` });
        return `0%...10%...100%\nInterface '${made}' was successfully created`;
      }
      if (verb !== 'ipconfig') return syntax(`Invalid command '${verb}'`);
      const found = state.interfaces.find((each) => each.name === name);
      if (!found)
        fail(`The host network interface named '${name}' could not be found`, 'VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)');
      const { ip, netmask } = flags(rest, { '--ip': 1, '--netmask': 1 });
      if (netmask !== '255.255.255.0') fail('Invalid netmask');
      found.ip = ip;
      return '';
    },
    createvm: (args) => {
      const { name, ostype, basefolder, register } = flags(args, {
        '--name': 1,
        '--ostype': 1,
        '--basefolder': 1,
        '--register': 0,
      });
      oneOf(ostype, 'Debian_64');
      if (!register) syntax('the machine would not be registered');
      const settings = join(basefolder, name, `${name}.vbox`);
      if (existsSync(settings))
        fail(`Machine settings file '${settings}' already exists`, 'VBOX_E_FILE_ERROR (0x80bb0004)');
      mkdirSync(join(basefolder, name), { recursive: true });
      writeFileSync(settings, '<xml/>');
      const uuid = `00000000-0000-4000-8000-${String(state.next++).padStart(12, '0')}`;
      state.vms[name] = { name, uuid, state: 'poweroff', settings, hardware: {}, controllers: {}, extra: {} };
      return `Virtual machine '${name}' is created and registered.\nUUID: ${uuid}\nSettings file: '${settings}'`;
    },
    showvminfo: ([name, how]) => {
      oneOf(how, '--machinereadable');
      const vm = machine(name);
      const controllers = Object.keys(vm.controllers).map((each, index) => `storagecontrollername${index}="${each}"`);
      return [`name="${vm.name}"`, 'groups="/"', `UUID="${vm.uuid}"`, ...controllers, `VMState="${vm.state}"`].join(
        '\n',
      );
    },
    modifyvm: ([name, ...rest]) => {
      const vm = stopped(machine(name));
      const one = [
        'memory',
        'cpus',
        'ioapic',
        'rtcuseutc',
        'boot1',
        'boot2',
        'nic1',
        'nic2',
        'hostonlyadapter2',
        'macaddress1',
        'macaddress2',
      ];
      const known = { ...Object.fromEntries(one.map((each) => [`--${each}`, 1])), '--uart1': 2, '--uartmode1': 2 };
      const values = flags(rest, known);
      mb(values.memory);
      mb(values.cpus);
      oneOf(values.nic1, 'nat');
      oneOf(values.nic2, 'hostonly');
      mac(values.macaddress1);
      mac(values.macaddress2);
      if (!state.interfaces.some((each) => each.name === values.hostonlyadapter2))
        fail(`no interface ${values.hostonlyadapter2}`);
      Object.assign(vm.hardware, values);
      return '';
    },
    storagectl: ([name, ...rest]) => {
      const vm = stopped(machine(name));
      const values = flags(rest, { '--name': 1, '--add': 1, '--portcount': 1 });
      oneOf(values.add, 'sata', 'virtio-scsi');
      if (vm.controllers[values.name])
        fail(`Storage controller named '${values.name}' already exists`, 'VBOX_E_OBJECT_IN_USE (0x80bb000c)');
      vm.controllers[values.name] = { ports: Number(values.portcount), media: {} };
      return '';
    },
    storageattach: ([name, ...rest]) => {
      const vm = stopped(machine(name));
      const values = flags(rest, { '--storagectl': 1, '--port': 1, '--device': 1, '--type': 1, '--medium': 1 });
      const controller = vm.controllers[values.storagectl];
      if (!controller || Number(values.port) >= controller.ports)
        fail(`Could not find a controller or port`, 'VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)');
      oneOf(values.type, 'hdd', 'dvddrive');
      if (!existsSync(values.medium))
        fail(`Could not find file for the medium '${values.medium}'`, 'VBOX_E_FILE_ERROR (0x80bb0004)');
      controller.media[values.port] = { type: values.type, medium: values.medium };
      return '';
    },
    convertfromraw: ([from, to, ...rest]) => {
      oneOf(flags(rest, { '--format': 1 }).format, 'VDI');
      if (existsSync(to)) fail(`VERR_ALREADY_EXISTS: ${to}`, 'VBOX_E_FILE_ERROR (0x80bb0004)');
      if (!existsSync(from)) fail(`Cannot open file "${from}"`);
      copyFileSync(from, to);
      return `Converting from raw image file="${from}" to file="${to}"...`;
    },
    modifymedium: ([kind, path, ...rest]) => {
      oneOf(kind, 'disk');
      const size = mb(flags(rest, { '--resize': 1 }).resize);
      if (!existsSync(path)) fail(`Could not find file for the medium '${path}'`, 'VBOX_E_FILE_ERROR (0x80bb0004)');
      truncateSync(path, size);
      state.disks[path] = size;
      return '0%...100%';
    },
    closemedium: ([kind, path]) => {
      oneOf(kind, 'disk');
      if (!(path in state.disks)) fail(`Could not find '${path}'`, 'VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)');
      delete state.disks[path];
      return '';
    },
    startvm: ([name, ...rest]) => {
      const vm = stopped(machine(name));
      oneOf(flags(rest, { '--type': 1 }).type, 'headless', 'gui', 'sdl', 'separate');
      const media = Object.values(vm.controllers).flatMap(({ media }) => Object.values(media));
      if (!media.some(({ type }) => type === 'hdd')) fail('nothing to start from');
      vm.state = 'running';
      return `VM "${name}" has been successfully started.`;
    },
    controlvm: ([name, verb]) => {
      const vm = machine(name);
      oneOf(verb, 'acpipowerbutton', 'poweroff', 'resume');
      if (vm.state === 'poweroff')
        fail(`Machine '${name}' is not currently running.`, 'VBOX_E_INVALID_VM_STATE (0x80bb0002)');
      vm.state = verb === 'resume' ? 'running' : 'poweroff';
      return '';
    },
    unregistervm: ([name, ...rest]) => {
      const vm = stopped(machine(name));
      flags(rest, { '--delete': 0 });
      for (const { medium, type } of Object.values(vm.controllers).flatMap(({ media }) => Object.values(media))) {
        if (type !== 'hdd') continue;
        rmSync(medium, { force: true });
        delete state.disks[medium];
      }
      rmSync(join(vm.settings, '..'), { recursive: true, force: true });
      delete state.vms[vm.name];
      return '0%...100%';
    },
    setextradata: ([name, key, value]) => {
      machine(name).extra[key] = value;
      return '';
    },
    getextradata: ([name, key]) => {
      const value = machine(name).extra[key];
      return value === undefined ? 'No value set!' : `Value: ${value}`;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { exit, stdout, stderr } = vboxManage(process.env.FAKE_VBOX, process.argv.slice(2));
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exit;
}
