import { RestFailure } from '../rest.ts';

type Body = Readonly<Record<string, unknown>>;

/** Something in a resource group. */
export interface ArmResource {
  readonly group: string;
  /** `Microsoft.Network/networkInterfaces`. */
  readonly type: string;
  readonly name: string;
  readonly body: Body;
  power: string;
}

interface Operation {
  readonly doneAt: number;
  readonly effect: () => void;
  isDone: boolean;
}

/** A subscription at Azure. */
export class AzureState {
  readonly delayMs: number;
  readonly groups: Map<string, Body> = new Map();
  readonly resources: ArmResource[] = [];
  coresUsed = 0;
  readonly #operations: Operation[] = [];

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  existing(): readonly string[] {
    this.settle();
    return [...this.groups.keys(), ...this.resources.map(({ group, type, name }) => `${group} ${type} ${name}`)].sort();
  }

  /** Begins something that takes time; answers its number. */
  begin(effect: () => void): number {
    this.#operations.push({ doneAt: Date.now() + this.delayMs, effect, isDone: false });
    return this.#operations.length - 1;
  }

  isDone(operation: number): boolean {
    this.settle();
    return this.#operations[operation]?.isDone ?? true;
  }

  settle(): void {
    for (const operation of this.#operations) {
      if (operation.isDone || Date.now() < operation.doneAt) continue;
      operation.isDone = true;
      operation.effect();
    }
  }

  group(name: string): Body {
    this.settle();
    const found = this.groups.get(name);
    if (found === undefined)
      throw new RestFailure(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);
    return found;
  }

  find(group: string, type: string, name: string): ArmResource | undefined {
    this.group(group);
    return this.resources.find((each) => each.group === group && each.type === type && each.name === name);
  }

  get(group: string, type: string, name: string): ArmResource {
    const found = this.find(group, type, name);
    if (found === undefined)
      throw new RestFailure(404, 'ResourceNotFound', `The Resource '${type}/${name}' was not found.`);
    return found;
  }

  drop(isMeant: (each: ArmResource) => boolean): void {
    for (const each of this.resources.filter(isMeant)) this.resources.splice(this.resources.indexOf(each), 1);
  }

  /** Whether anything's description names it. */
  isUsed({ name, type }: ArmResource): boolean {
    return this.resources.some((each) => each.name !== name && JSON.stringify(each.body).includes(`/${type}/${name}`));
  }
}
