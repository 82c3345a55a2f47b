import { masterKey } from "./gateway.ts";
import { bodyOf } from "./reply.ts";

/** POST /key/generate of the gateway at this address; answers with the secret. */
export async function generateKey(
  url: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const response = await fetch(`${url}/key/generate`, {
    method: "POST",
    headers: { authorization: `Bearer ${masterKey}` },
    body: JSON.stringify({ duration: "1d", ...fields }),
  });
  if (!response.ok) throw new Error(await response.text());
  return String((await bodyOf(response))["key"]);
}
