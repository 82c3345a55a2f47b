import { test } from "vitest";
import { engines } from "../testing/database.ts";
test("x", async () => { for (let i=0;i<4;i++) { const t=performance.now(); const o = await engines[0]!.open(); const t1=performance.now(); await o.database.sql`select 1`; const t2=performance.now(); await o[Symbol.asyncDispose](); console.log('OPEN', t1-t|0, t2-t1|0, performance.now()-t2|0); } });
