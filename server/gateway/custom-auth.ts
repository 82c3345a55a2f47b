import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type CustomAuth, userApiKeyAuth } from "../../shared/custom-auth.ts";
import { within } from "../deadline.ts";
import { GatewayError, invalidRequest } from "../errors.ts";
import { type Caller, callerOfCustomAuth } from "./caller.ts";

const extensions = [".ts", ".mts", ".js", ".mjs"];

/** A custom auth function with its answers checked. Undefined: it leaves the caller to the virtual keys. */
export type Vouch = (request: Request, apiKey: string) => Promise<Caller | undefined>;

/**
 * Loads the function that `general_settings.custom_auth` names, as `module.export` beside config.yaml.
 * @throws Error when there is no such module or export, or the module fails while it loads.
 */
export async function loadCustomAuth(name: string, directory: string): Promise<Vouch> {
  const { modulePath, exportName } = splitName(name);
  const file = await findModule(resolve(directory, modulePath), name);
  const loaded = await loadModule(file, name);
  const customAuth = loaded[exportName];
  if (typeof customAuth !== "function")
    throw new Error(`Cannot use custom_auth "${name}": ${file} has no function "${exportName}"`);
  return (request, apiKey) => vouch(customAuth as CustomAuth, request, apiKey);
}

/** `custom_auth.check`, `./custom_auth.ts` (its export is then `user_api_key_auth`) or `./custom_auth.ts.check`. */
function splitName(name: string): { modulePath: string; exportName: string } {
  if (extensions.some((extension) => name.endsWith(extension)))
    return { modulePath: name, exportName: "user_api_key_auth" };
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return { modulePath: name, exportName: "user_api_key_auth" };
  return { modulePath: name.slice(0, dot), exportName: name.slice(dot + 1) };
}

async function findModule(path: string, name: string): Promise<string> {
  const candidates = extensions.some((extension) => path.endsWith(extension))
    ? [path]
    : extensions.map((extension) => path + extension);
  for (const candidate of candidates) {
    const isThere = await access(candidate).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  throw new Error(`Cannot load custom_auth "${name}": none of ${candidates.join(", ")} exists`);
}

async function loadModule(file: string, name: string): Promise<Record<string, unknown>> {
  try {
    // Node 20 cannot import TypeScript; jiti can, on every version, and leaves JavaScript to Node. It is a compiler of some
    // size, so those who need none do not load it.
    const { createJiti } = await import("jiti");
    return await createJiti(pathToFileURL(file).href).import(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot load custom_auth "${name}": ${file} failed: ${reason}`, {
      cause: error,
    });
  }
}

async function vouch(
  customAuth: CustomAuth,
  request: Request,
  apiKey: string,
): Promise<Caller | undefined> {
  const answer: unknown = await ask(customAuth, request, apiKey);
  if (answer === null) return undefined;
  const checked = userApiKeyAuth.safeParse(answer);
  if (checked.success) return callerOfCustomAuth(checked.data);
  throw new GatewayError(
    "custom_auth_invalid",
    `custom_auth answered with something that is not a UserAPIKeyAuth: ${invalidRequest(checked.error).message}`,
  );
}

/** Whoever is asked for longer keeps its caller, and a gateway that is to stop. */
const answerTimeoutMs = 30_000;

async function ask(customAuth: CustomAuth, request: Request, apiKey: string): Promise<unknown> {
  try {
    return await within(
      Promise.resolve(customAuth(request, apiKey)),
      answerTimeoutMs,
      "hear from custom_auth",
    );
  } catch (error) {
    throw new GatewayError(
      "custom_auth_refused",
      "Authentication failed: custom_auth refused this key",
      { cause: error },
    );
  }
}
