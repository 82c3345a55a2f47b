import { expectTypeOf } from "vitest";
import { createClient, type Inputs, KeyplaneError, type Outputs } from "./index.ts";

const keyplane = createClient({ url: "http://127.0.0.1:8000", key: async () => "sk-…" });

const generated = await keyplane.key.generate({ models: ["gpt"], duration: "20m" });
expectTypeOf(generated.key).toBeString();
expectTypeOf(generated.key_id).toEqualTypeOf<`key_${string}`>();
expectTypeOf(generated.expires).toEqualTypeOf<Date | null>();
expectTypeOf(generated).toEqualTypeOf<Outputs["key"]["generate"]>();

const { data, next_cursor } = await keyplane.spend.logs({ request_id: "…", status: "aborted" });
expectTypeOf(data[0]).toEqualTypeOf<Outputs["spend"]["logs"]["data"][number] | undefined>();
expectTypeOf(next_cursor).toEqualTypeOf<string | null>();

expectTypeOf<Inputs["key"]["generate"]["key_type"]>().toEqualTypeOf<
  "default" | "llm_api" | "read_only" | null | undefined
>();
expectTypeOf<keyof typeof keyplane>().toEqualTypeOf<"key" | "spend">();

// What has no required field may be called without input, and nothing else may.
expectTypeOf(keyplane.key.info).toBeCallableWith();
expectTypeOf(keyplane.key.list).toBeCallableWith({ page: 2 }, { signal: AbortSignal.timeout(1) });
// @ts-expect-error -- which key to block
await keyplane.key.block();

// @ts-expect-error -- a misspelt field
await keyplane.key.generate({ modles: ["gpt"] });
// @ts-expect-error -- a field of another type
await keyplane.key.generate({ models: "gpt" });
// @ts-expect-error -- a field of the output that there is not
expectTypeOf(generated.secret);
// @ts-expect-error -- a procedure that there is not
await keyplane.key.rename({ key: generated.key });
// @ts-expect-error -- the address is needed
createClient({ key: "sk-…" });

const error = new KeyplaneError("Cannot", { type: "auth_error" });
expectTypeOf(error.status).toEqualTypeOf<number | null>();
expectTypeOf(error.code).toEqualTypeOf<string | null>();
