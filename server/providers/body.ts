import type { Answer, CallFailure } from "./call.ts";

/** A whole body, or why there is none. A body beyond `maxBytes` counts as broken, and its call is ended. */
export function collect(answer: Answer, maxBytes: number): Promise<Buffer | CallFailure> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    answer.read({
      onData(chunk) {
        size += chunk.length;
        chunks.push(chunk);
        if (size <= maxBytes) return true;
        resolve({ kind: "broken", reason: `answer of more than ${maxBytes} bytes` });
        answer.abort();
        return true;
      },
      onEnd: () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
      onFailure: resolve,
    });
  });
}
