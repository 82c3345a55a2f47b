import type { Answer } from "./call.ts";

/** An answer whose body is here already. */
export function wholeAnswer({
  status,
  headers,
  body,
}: Pick<Answer, "status" | "headers"> & { readonly body: Buffer }): Answer {
  return {
    status,
    headers,
    read(reader) {
      reader.onData(body, () => undefined);
      reader.onEnd();
    },
    abort: () => undefined,
  };
}
