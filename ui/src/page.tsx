import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { useLink, useSwarm } from './model/app.ts';
import { useRoute } from './model/route.ts';
import { Loading } from './parts/fault.tsx';
import { Login } from './shell/login.tsx';
import { Old } from './shell/old.tsx';
import { Shell } from './shell/shell.tsx';
import { BillView } from './views/bill.tsx';
import { ContainerView } from './views/container.tsx';
import { ContainersView } from './views/containers.tsx';
import { EventsView } from './views/events.tsx';
import { HiveView } from './views/hive.tsx';
import { ImagesView } from './views/images.tsx';
import { NetworkView } from './views/network.tsx';
import { NetworksView } from './views/networks.tsx';
import { NodeView } from './views/node.tsx';
import { NodesView } from './views/nodes.tsx';
import { PlansView } from './views/plans.tsx';
import { VolumesView } from './views/volumes.tsx';
import { useWords } from './words/words.ts';

const VIEWS: Readonly<Record<string, ComponentType>> = {
  hive: HiveView,
  containers: ContainersView,
  nodes: NodesView,
  images: ImagesView,
  networks: NetworksView,
  volumes: VolumesView,
  events: EventsView,
  plans: PlansView,
  bill: BillView,
};

const PARTS: Readonly<Record<string, ComponentType<{ readonly id: string }>>> = {
  containers: ContainerView,
  nodes: NodeView,
  networks: NetworkView,
};

/** All of it: a login where there is no session, else a view in its frame. */
export function Page() {
  const { link } = useLink();
  const { isReady, isSketched } = useSwarm();
  const { view, part } = useRoute();
  const { views } = useWords();
  const isLogin = link === 'login' || (location.hash !== '' && !location.hash.startsWith('#/'));
  useEffect(() => {
    const name = views[view as keyof typeof views] ?? views.hive;
    document.title = `${name} · Enxame`;
  }, [view, views]);
  if (isLogin) return <Login />;
  if (link === 'old') return <Old />;
  const View = VIEWS[view] ?? HiveView;
  // The map is there before all containers are.
  const isThere = isReady || (isSketched && View === HiveView && !part);
  const Part = part ? PARTS[view] : undefined;
  return <Shell>{!isThere ? <Loading /> : Part ? <Part id={part} key={part} /> : <View key={view} />}</Shell>;
}
