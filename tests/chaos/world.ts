/** Two sandboxes, the gateway, a server of files, a receiver of webhooks: everything that a round of chaos happens in. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { configFolder } from '../support/config-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { readAll, type TaskRow, type Written } from './database.ts';
import { Files } from './files.ts';
import { House } from './house.ts';
import { type Order, orderOf, pipelinesOver, type Wish } from './orders.ts';
import { Place } from './place.ts';
import { Receiver } from './receiver.ts';

export const placeNames = ['east', 'west'] as const;
export type PlaceName = (typeof placeNames)[number];

export class World implements AsyncDisposable {
  readonly folder: string;
  readonly places: Readonly<Record<PlaceName, Place>>;
  readonly files = new Files();
  readonly receiver = new Receiver();
  readonly house: House;
  readonly orders: Order[] = [];
  /** What went wrong while it happened, other than what is looked for at the end. */
  readonly mishaps: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.places = { east: new Place('east', join(folder, 'east')), west: new Place('west', join(folder, 'west')) };
    this.house = new House(folder, this.#settings());
  }

  /** Everything but the gateway is started. */
  static async begin(): Promise<World> {
    const { path } = await temporaryFolder();
    const world = new World(path);
    const places = Object.values(world.places);
    await Promise.all([...places.map((place) => place.start()), world.files.start(), world.receiver.start()]);
    const engines = Object.fromEntries(places.map(({ name, url }) => [name, { type: 'comfyui', config: { instances: [new URL(url).host] } }]));
    await configFolder(path, { engines, pipelines: pipelinesOver(placeNames) });
    return world;
  }

  /** Read anew at every start of the gateway, as the addresses are known only then. */
  #settings(): Record<string, string> {
    const urls = (): string => Object.values(this.places).map(({ url }) => url).join(',');
    return {
      get COMFYUI_URLS() {
        return urls();
      },
      COMFYUI_TIMEOUT: '120', COMFYUI_REQUEST_TIMEOUT: '2', COMFYUI_CONNECT_TIMEOUT: '2', SHUTDOWN_GRACE_SECONDS: '8',
      MAX_ATTEMPTS: '10', TASKS_PER_INSTANCE: '6', RETRY_DELAY_SECONDS: '0.2', FETCH_ALLOWED_HOSTS: '127.0.0.1', DOWNLOAD_TIMEOUT_SECONDS: '60',
      WEBHOOK_SECRET: this.receiver.secret, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', WEBHOOK_TIMEOUT_SECONDS: '4', CONFIG_DIR: join(this.folder, 'config'),
    };
  }

  async order(wish: Wish): Promise<Order> {
    const order = await orderOf(wish, { files: this.files, hook: this.receiver.url });
    this.orders.push(order);
    return order;
  }

  written(): Written {
    return readAll(join(this.folder, 'data', 'gateway.db'));
  }

  row(order: Order): TaskRow | undefined {
    return order.taskId === undefined ? undefined : this.written().tasks.find(({ id }) => id === order.taskId);
  }

  /** The gateway's processes cannot reach that sandbox any more, and have noticed. */
  async shutOut(place: Place): Promise<void> {
    const before = await place.requests('WS /ws');
    await place.turn({ refuseSockets: true, closeSockets: true });
    await until('the gateway has noticed', async () => (await place.requests('WS /ws')) >= before + this.house.size);
  }

  /** Nothing is held any more. */
  async release(): Promise<void> {
    this.files.release();
    this.receiver.release();
    await Promise.all(Object.values(this.places).map((place) => place.turn({ reset: true })));
  }

  /** Ends all processes; what is on disk stays. */
  async end(): Promise<void> {
    await this.house.kill('SIGKILL');
    await Promise.all(Object.values(this.places).map((place) => place.kill().catch(() => undefined)));
    await Promise.all([this.files.close(), this.receiver.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
