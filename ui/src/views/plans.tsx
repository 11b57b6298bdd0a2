import { useState } from 'preact/hooks';
import type { Money, PlanKind, PlanView } from '../../../src/page/protocol.ts';
import { compareNames } from '../hive/layout.ts';
import { useSession, useSwarm } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { amend, useRoute } from '../model/route.ts';
import { call, PageFault } from '../model/session.ts';
import { NodeBadge } from '../parts/badges.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Fault, Loading, messageOf, Nothing } from '../parts/fault.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { money } from '../words/format.ts';
import { useWords } from '../words/words.ts';
import { PlanPicture } from './plan-picture.tsx';

/** Plans of all kinds: what would be done, and what it would cost. */
export function PlansView() {
  const { plans, views } = useWords();
  const { query } = useRoute();
  const { value, fault, again } = useAsk<readonly PlanKind[]>('plans');
  if (!value || value.length === 0) {
    return (
      <>
        <ViewHead title={views.plans} />
        {value ? (
          <Nothing title={plans.none} />
        ) : fault === undefined ? (
          <Loading />
        ) : (
          <Fault fault={fault} again={again} />
        )}
      </>
    );
  }
  const kind = value.find((each) => each.kind === query.get('kind'));
  return (
    <>
      <ViewHead title={views.plans} />
      <p class="muted intro">{plans.intro}</p>
      <ul class="plan-kinds">
        {value.map((each) => (
          <li key={each.kind}>
            <button
              type="button"
              class="plan-kind"
              aria-pressed={each === kind}
              onClick={() => amend({ kind: each.kind, nodes: '' })}
            >
              <strong>{plans.kinds[each.kind] ?? each.kind}</strong>
              <span>{plans.hints[each.kind] ?? ''}</span>
            </button>
          </li>
        ))}
      </ul>
      {kind && (kind.takes === 'nodes' ? <NodeChoice kind={kind} /> : <Made kind={kind} nodes={[]} />)}
    </>
  );
}

function NodeChoice({ kind }: { readonly kind: PlanKind }) {
  const swarm = useSwarm(1_000);
  const { plans } = useWords();
  const { query } = useRoute();
  const asked = (query.get('nodes') ?? '').split(' ').filter((id) => swarm.nodeById(id));
  const [search, setSearch] = useState('');
  const sorted = [...swarm.nodes.values()].sort((a, b) => compareNames(a.name, b.name));
  const shown = sorted.filter(({ name, id }) => asked.includes(id) || name.includes(search)).slice(0, 60);
  const choose = (id: string, isOn: boolean): void => {
    const rest = asked.filter((each) => each !== id);
    amend({ nodes: (isOn ? [...rest, id] : rest).join(' ') });
  };
  return (
    <>
      <fieldset class="node-choice">
        <legend>{asked.length === 0 ? plans.chooseNodes : plans.chosen(asked.length)}</legend>
        {sorted.length > 12 && (
          <input
            type="search"
            class="filter"
            aria-label={plans.chooseNodes}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <div class="node-chips">
          {shown.map((node) => (
            <label key={node.id} class="node-chip">
              <input
                type="checkbox"
                checked={asked.includes(node.id)}
                onChange={(event) => choose(node.id, event.currentTarget.checked)}
              />
              <span>{node.name}</span>
              {node.state !== 'Healthy' && <NodeBadge node={node} />}
            </label>
          ))}
        </div>
      </fieldset>
      {asked.length > 0 && <Made kind={kind} nodes={asked} />}
    </>
  );
}

function Made({ kind, nodes }: { readonly kind: PlanKind; readonly nodes: readonly string[] }) {
  const words = useWords();
  const session = useSession();
  const query = new URLSearchParams(nodes.map((id) => ['node', id])).toString();
  const { value, fault, again, isLoading } = useAsk<PlanView>(`plans/${kind.kind}${query ? `?${query}` : ''}`);
  if (fault !== undefined && !isLoading) return <Fault fault={fault} again={again} />;
  if (!value) return <Loading />;
  const isEmpty = value.moves.length === 0 && value.machines.length === 0;
  return (
    <section class="card made">
      <div class="view-head">
        <h2>{words.plans.kinds[kind.kind] ?? kind.kind}</h2>
        <div class="view-tools">
          <button type="button" class="button" disabled={isLoading} onClick={again}>
            {words.retry}
          </button>
          {kind.canApply && session?.actions && !(isEmpty && kind.kind !== 'drain') && (
            <Apply plan={value} nodes={nodes} again={again} />
          )}
        </div>
      </div>
      {value.cost && <Cost cost={value.cost} />}
      {value.machines.length > 0 && <Machines machines={value.machines} />}
      <PlanPicture plan={value} />
    </section>
  );
}

function Cost({ cost: { before, after, unit } }: { readonly cost: NonNullable<PlanView['cost']> }) {
  const { plans } = useWords();
  const most = Math.max(Number(before.amount), Number(after.amount), 1e-9);
  const difference = differenceOf(before, after);
  return (
    <div class="cost">
      {(
        [
          [plans.before, before, 'before'],
          [plans.after, after, 'after'],
        ] as const
      ).map(([word, amount, kind]) => (
        <div key={kind} class="cost-line">
          <span class="muted">{word}</span>
          <span class="cost-track" aria-hidden="true">
            <span class={`cost-bar ${kind}`} style={{ width: `${(Number(amount.amount) / most) * 100}%` }} />
          </span>
          <strong>
            {money(amount)} <span class="muted">{plans.per[unit]}</span>
          </strong>
        </div>
      ))}
      {difference && (
        <p class={difference.isLess ? 'good-text' : 'bad-text'}>
          {difference.isLess ? plans.saves(money(difference.by)) : plans.adds(money(difference.by))} {plans.per[unit]}
        </p>
      )}
    </div>
  );
}

const DECIMALS = 6;

/** In whole millionths: prices are decimals, not binary fractions. */
function differenceOf(before: Money, after: Money): { readonly isLess: boolean; readonly by: Money } | undefined {
  if (before.currency !== after.currency) return undefined;
  const difference = millionths(before.amount) - millionths(after.amount);
  if (difference === 0n) return undefined;
  const digits = String(difference < 0n ? -difference : difference).padStart(DECIMALS + 1, '0');
  const amount = `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
  return { isLess: difference > 0n, by: { amount, currency: before.currency } };
}

function millionths(amount: string): bigint {
  const [whole = '0', decimals = ''] = amount.replace('-', '').split('.');
  const value = BigInt(`${whole}${decimals.padEnd(DECIMALS, '0').slice(0, DECIMALS)}`);
  return amount.startsWith('-') ? -value : value;
}

function Machines({ machines }: Pick<PlanView, 'machines'>) {
  const { plans } = useWords();
  const tones = { add: 'good', remove: 'bad', keep: '' } as const;
  return (
    <>
      <h3>{plans.machines}</h3>
      <ul class="lines">
        {machines.map(({ change, name, type, domains, hourly }) => (
          <li key={`${change} ${name}`}>
            <span class={`badge ${tones[change]}`}>{plans.machine[change]}</span> <strong>{name}</strong> {type}{' '}
            <span class="muted">{domains.join(' / ')}</span>{' '}
            {hourly && (
              <span class="muted">
                {money(hourly)} {plans.per.hour}
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

interface ApplyProps {
  readonly plan: PlanView;
  readonly nodes: readonly string[];
  readonly again: () => void;
}

function Apply({ plan, nodes, again }: ApplyProps) {
  const { plans, faults, act } = useWords();
  const [step, setStep] = useState<'idle' | 'asking' | 'busy' | 'done'>('idle');
  const [fault, setFault] = useState<unknown>();
  const apply = async (): Promise<void> => {
    setStep('busy');
    setFault(undefined);
    try {
      await call('POST', `plans/${plan.kind}/apply`, {
        body: { digest: plan.digest, ...(nodes.length > 0 && { nodes }) },
      });
      setStep('done');
    } catch (error) {
      setFault(error);
      setStep('idle');
      if (error instanceof PageFault && error.status === 409) again();
    }
  };
  return (
    <>
      <button type="button" class="button primary" disabled={step !== 'idle'} onClick={() => setStep('asking')}>
        {plans.apply}
      </button>
      {step === 'done' && (
        <p class="notice good slim" role="status">
          {plans.applied}
        </p>
      )}
      {fault !== undefined && (
        <p class="notice bad slim" role="alert">
          {act.failed}: {messageOf(fault, faults.gone)}
        </p>
      )}
      {step === 'asking' && (
        <Dialog
          title={plans.applySure}
          close={() => setStep('idle')}
          actions={
            <button type="button" class="button primary" onClick={() => void apply()}>
              {plans.apply}
            </button>
          }
        >
          <p>{plans.applyText(plans.moves(plan.moves.length))}</p>
          {plan.brake !== null && <p class="bad-text">{plan.brake}</p>}
        </Dialog>
      )}
    </>
  );
}
