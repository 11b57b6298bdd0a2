import { Ec2Failure } from './ec2-failure.ts';
import type { Query } from './query.ts';

export type Tags = Readonly<Record<string, string>>;

/** Something an account has. */
export interface Owned {
  readonly id: string;
  readonly name: string;
  readonly tags: Tags;
  /** Milliseconds since the epoch; describing calls show it only some time later. */
  readonly madeAt: number;
}

export interface Group extends Owned {
  readonly vpc: string;
  readonly rules: {
    readonly protocol: string;
    readonly from: number;
    readonly to: number;
    /** Networks. */
    readonly sources: string[];
    /** Another group that is let in. */
    readonly group?: string;
  }[];
}

export interface KeyPair extends Owned {
  readonly publicKey: string;
}

export interface SpotRequest extends Owned {
  state: 'active' | 'cancelled' | 'closed';
  readonly isPersistent: boolean;
}

export interface FakeInstance extends Owned {
  readonly token: string;
  /** The request, to compare with one of the same token. */
  readonly request: string;
  readonly query: Query;
  readonly group: readonly string[];
  readonly spot: SpotRequest | undefined;
  state: string;
  /** What `state` becomes, and when. */
  next: { readonly state: string; readonly at: number } | undefined;
}

interface Subnet {
  readonly id: string;
  readonly vpc: string;
  readonly zone: string;
}

interface Image {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  readonly date: string;
  readonly owner: string;
}

/** How slow a cloud is, in milliseconds. */
export interface Pace {
  /** Between making something and describing calls showing it. */
  readonly visibleMs: number;
  /** Of each change of an instance's state. */
  readonly stepMs: number;
}

/** An account in one region: a default VPC with three subnets, and what was made. */
export class Ec2State {
  readonly pace: Pace;
  readonly instances: FakeInstance[] = [];
  readonly groups: Group[] = [];
  readonly keyPairs: KeyPair[] = [];
  readonly spotRequests: SpotRequest[] = [];
  readonly subnets: readonly Subnet[] = ['a', 'b', 'c'].map((letter) => ({
    id: `subnet-${letter}`,
    vpc: 'vpc-1',
    zone: `us-east-1${letter}`,
  }));
  readonly images: readonly Image[] = [
    {
      id: 'ami-0a',
      name: 'debian-13-amd64-20260101-1',
      architecture: 'x86_64',
      date: '2026-01-01T00:00:00.000Z',
      owner: '136693071363',
    },
    {
      id: 'ami-0b',
      name: 'debian-13-amd64-20260601-1',
      architecture: 'x86_64',
      date: '2026-06-01T00:00:00.000Z',
      owner: '136693071363',
    },
    {
      id: 'ami-0c',
      name: 'debian-13-arm64-20260601-1',
      architecture: 'arm64',
      date: '2026-06-01T00:00:00.000Z',
      owner: '136693071363',
    },
    {
      id: 'ami-0d',
      name: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260601',
      architecture: 'x86_64',
      date: '2026-06-01T00:00:00.000Z',
      owner: '099720109477',
    },
  ];
  #next = 0x1000;

  constructor(pace: Pace) {
    this.pace = pace;
  }

  newId(prefix: string): string {
    this.#next += 1;
    return `${prefix}-0${this.#next.toString(16)}`;
  }

  /** Names of all that exists and costs or clutters. */
  existing(): readonly string[] {
    this.settle();
    return [
      ...this.instances.filter(({ state }) => state !== 'terminated').map(({ id }) => id),
      ...this.groups.map(({ id }) => id),
      ...this.keyPairs.map(({ name }) => name),
      ...this.spotRequests.filter(({ state }) => state === 'active').map(({ id }) => id),
    ].sort();
  }

  /** Lets pass what was to pass by now. */
  settle(): void {
    for (const instance of this.instances) {
      if (instance.next === undefined || Date.now() < instance.next.at) continue;
      instance.state = instance.next.state;
      instance.next = undefined;
      if (instance.state === 'terminated' && instance.spot?.isPersistent === false) instance.spot.state = 'closed';
    }
  }

  turn(instance: FakeInstance, now: string, later: string): void {
    instance.state = now;
    instance.next = { state: later, at: Date.now() + this.pace.stepMs };
  }

  isVisible({ madeAt }: Owned): boolean {
    return Date.now() - madeAt >= this.pace.visibleMs;
  }

  instance(id: string): FakeInstance {
    this.settle();
    const found = this.instances.find((each) => each.id === id && this.isVisible(each));
    if (found === undefined)
      throw new Ec2Failure('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return found;
  }
}
