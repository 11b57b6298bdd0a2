import type { Services as ApiServices } from '../api/call.ts';
import type { PagePlans } from '../api/page-door.ts';
import type { Page, PageOptions } from '../page/page.ts';
import { DEFAULT_SPREAD_BY } from '../scheduler/spread-by.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ClusterModel } from './model.ts';
import type { Services } from './services.ts';

export interface ManagerPageDeps {
  readonly model: ClusterModel;
  readonly state: ClusterState;
  readonly services: Services;
  /** What clients' calls are answered by: the page's are, too. */
  readonly shared: ApiServices;
}

/** Plans for pages of other managers; loaded when one asks. */
export async function openPagePlans(shared: ApiServices): Promise<PagePlans> {
  const { pagePlans } = await import('../page/page-plans.ts');
  return pagePlans(shared);
}

/** Serves the page of a manager. Rejects in one clear line when the address cannot be had. */
export async function openManagerPage(
  { model, state, services, shared }: ManagerPageDeps,
  {
    spreadBy = DEFAULT_SPREAD_BY,
    cluster,
  }: { readonly spreadBy?: readonly string[]; readonly cluster?: string | undefined },
  options: PageOptions,
): Promise<Page> {
  // Loaded where it is asked for: managers without a page do without it.
  const { openPage } = await import('../page/page.ts');
  return openPage(
    {
      services: shared,
      desired: model.desired,
      notices: services.notices,
      problems: () => [...model.problems(), ...services.problems()],
      domains: spreadBy,
      name: { ...(state.identity && { id: state.identity.id }), ...(cluster !== undefined && { name: cluster }) },
    },
    options,
  );
}
