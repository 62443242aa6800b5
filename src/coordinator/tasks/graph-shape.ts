/** Whether values for a template are a whole graph instead. Pure. */
import { nodesOf } from '../../molecules/graph/read.ts';
import type { Workflow } from '../../models/workflow.ts';

/** The graph, when there is at least one entry and every one of them is a node. */
export function graphOf(given: Readonly<Record<string, unknown>>): Workflow | undefined {
  const count = Object.keys(given).length;
  return count > 0 && nodesOf(given).nodes.size === count ? given : undefined;
}
