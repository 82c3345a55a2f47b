import { openDatabase } from "../store/database.ts";

/** A second way to the database of gateways that are processes of their own. It ends with the block that holds it: `await using`. */
export async function openDatabaseAt(url: string) {
  const { sql, close } = await openDatabase({ url, dataDir: "", poolSize: 2, prepare: true });
  return { sql, [Symbol.asyncDispose]: close };
}
