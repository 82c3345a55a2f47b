import {
  type Ending,
  type GatewayProcess,
  startGatewayProcess,
  temporaryDirectory,
} from "./gateway-process.ts";

/** A gateway with several lives, all of them on the same data directory. The last ends with the block: `await using`. */
export interface RestartableGateway extends AsyncDisposable {
  /** Of the life that began last. */
  readonly url: string;
  readonly directory: string;
  /** Ends a life. */
  stop(signal?: NodeJS.Signals): Promise<Ending>;
  /** Begins the next. */
  start(): Promise<void>;
}

export async function startRestartable(config: string): Promise<RestartableGateway> {
  const directory = await temporaryDirectory();
  const start = () => startGatewayProcess(config, [], { directory: directory.path });
  let gateway: GatewayProcess = await start();
  return {
    get url() {
      return gateway.url;
    },
    directory: directory.path,
    stop: (signal) => gateway.stop(signal),
    async start() {
      gateway = await start();
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
