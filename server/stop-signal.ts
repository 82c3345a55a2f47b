export interface StopSignal {
  readonly promise: Promise<void>;
  readonly isSet: boolean;
  /** As if the signal had come. */
  set(): void;
}

/** SIGTERM or SIGINT, the first of them; `onAgain` is called at every one after it. */
export function stopSignal(onAgain: () => void): StopSignal {
  const state = { isSet: false, resolve: () => {} };
  const promise = new Promise<void>((resolve) => {
    state.resolve = resolve;
  });
  const set = () => {
    state.isSet = true;
    state.resolve();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => (state.isSet ? onAgain() : set()));
  return {
    promise,
    set,
    get isSet() {
      return state.isSet;
    },
  };
}
