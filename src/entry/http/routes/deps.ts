import type { Config } from '../../../core/config.ts';
import type { AccessCoordinator } from '../../../coordinator/access-coordinator.ts';
import type { ImageCoordinator } from '../../../coordinator/images/image-coordinator.ts';
import type { InstanceCoordinator } from '../../../coordinator/instance/instance-coordinator.ts';
import type { QueueCoordinator } from '../../../coordinator/queue/queue-coordinator.ts';
import type { Catalog } from '../../../coordinator/tasks/catalog.ts';
import type { HubTasks } from '../../../coordinator/tasks/hub-tasks.ts';
import type { TaskCoordinator } from '../../../coordinator/tasks/task-coordinator.ts';
import type { WorkflowCoordinator } from '../../../coordinator/workflow/workflow-coordinator.ts';
import type { ReadMultipart } from '../form.ts';

/** The public face of a class: what a stand-in must have. */
type Face<T> = Pick<T, keyof T>;

/** What the deeds of the routes call. */
export interface RouteDeps {
  readonly config: Config;
  readonly access: Pick<AccessCoordinator, 'authenticate' | 'issueTicket'>;
  readonly workflows: Omit<Face<WorkflowCoordinator>, 'adoptUnanswered'>;
  readonly queue: Face<QueueCoordinator>;
  readonly images: Face<ImageCoordinator>;
  readonly instances: Face<InstanceCoordinator>;
  readonly tasks: Omit<Face<TaskCoordinator>, 'look'>;
  readonly hub: Face<HubTasks>;
  readonly catalog: Face<Catalog>;
  /** Fires when the process begins to end: streams that would go on end then. */
  readonly stopping: AbortSignal;
  /** Writes JSON, digits kept. */
  readonly stringify: (value: unknown) => string;
  readonly readMultipart: ReadMultipart;
}

/** Whole bytes of a size that a variable gives in MiB. */
export const bytesOf = (mebibytes: number): number => Math.floor(mebibytes * 1024 * 1024);
