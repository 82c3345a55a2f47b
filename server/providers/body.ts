import { Buffer } from "node:buffer";
import type { Answer } from "./call.ts";
import type { CallFailure } from "./source.ts";

type Body = Buffer | CallFailure;

/**
 * A whole body, or why there is none: at once where the last of it has arrived, as that of a short reply has with its head. A body
 * beyond `maxBytes` counts as broken, and its call is ended.
 */
export function collect(answer: Answer, maxBytes: number): Body | Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  let outcome: Body | undefined;
  let tell: ((body: Body) => void) | undefined;
  const conclude = (body: Body) => {
    outcome ??= body;
    tell?.(outcome);
  };
  answer.read({
    onData(chunk) {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return true;
      conclude({ kind: "broken", reason: `answer of more than ${maxBytes} bytes` });
      answer.abort();
      return true;
    },
    onEnd: () => conclude(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    onFailure: conclude,
  });
  return outcome ?? new Promise((resolve) => (tell = resolve));
}
