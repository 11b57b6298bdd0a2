import { EventHub } from '../api/events/event-hub.ts';
import { AdvertisedApi } from '../api/views/api-range.ts';
import { ContainerListView } from '../api/views/container-list.ts';
import { ImageListView } from '../api/views/image-list.ts';
import { InfoView } from '../api/views/info.ts';
import type { Clock } from '../common/clock.ts';
import type { SchedulerOptions } from '../scheduler/scheduler.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Duties } from './duties.ts';
import type { ClusterModel } from './model.ts';
import type { Replication } from './replication.ts';
import type { Services } from './services.ts';

export interface ViewsDeps {
  readonly model: ClusterModel;
  readonly state: ClusterState;
  readonly services: Pick<Services, 'problems' | 'notices'>;
  readonly duties: Duties;
  /** Undefined when this is the only manager. */
  readonly replication: Replication | undefined;
  readonly clock: Clock;
}

export interface ViewsOptions {
  readonly scheduler: SchedulerOptions;
}

/** What clients are shown of the model, kept ready. */
export interface Views {
  readonly advertised: AdvertisedApi;
  readonly events: EventHub;
  readonly imageList: ImageListView;
  readonly containerList: ContainerListView;
  readonly info: InfoView;
  /** Idempotent. */
  close(): void;
}

/** The views of a model; they follow it until they are closed. */
export function openViews(
  { model, state, services, duties, replication, clock }: ViewsDeps,
  { scheduler }: ViewsOptions,
): Views {
  const { cluster } = model;
  const advertised = new AdvertisedApi(cluster);
  const events = new EventHub(cluster, clock);
  const unsubscribe = services.notices.subscribe((notice) => events.announce(notice));
  const imageList = new ImageListView(cluster);
  const info = new InfoView(cluster, {
    role: () => duties.role,
    ...(replication ? { primary: () => replication.primary } : {}),
    id: model.id,
    title: state.name,
    isLasting: state.isLasting,
    absentNodes: () => (model.memory ? [...model.memory.absentNodes()].length : 0),
    rows: state.rows,
    strategy: scheduler.strategy.name,
    filters: scheduler.filters.map(({ name }) => name),
    problems: () => [...model.problems(), ...services.problems(), ...(replication?.problems() ?? [])],
  });
  return {
    advertised,
    events,
    imageList,
    containerList: new ContainerListView(cluster.containerList),
    info,
    close: () => {
      unsubscribe();
      imageList.close();
      events.close();
      advertised.close();
    },
  };
}
