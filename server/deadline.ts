/** An answer that did not come in time. It reads as an outage of what was asked, as a refused connection does. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed";
  readonly code = "ETIMEDOUT";
}

/** What the work comes to, unless that takes longer. The work itself is not stopped, and its late failure is nobody's. */
export async function within<T>(work: Promise<T>, timeoutMs: number, purpose: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new DeadlinePassed(`Cannot ${purpose} within ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, passed]);
  } finally {
    clearTimeout(timer);
  }
}
