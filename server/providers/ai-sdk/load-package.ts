import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fieldsOf } from "../json.ts";

export interface LoadedPackage {
  readonly name: string;
  readonly create: ProviderFactory;
}

type ProviderFactory = (settings: Readonly<Record<string, unknown>>) => unknown;

/**
 * A package of the AI SDK, and the function of it that makes a provider: `createMistral` for one.
 *
 * @param packages that may be meant, the likelier first: the first that is installed is taken
 * @throws Error that names the package to install, or says why that which is installed will not do
 */
export async function loadPackage(packages: readonly string[]): Promise<LoadedPackage> {
  for (const name of packages) {
    const exported = await importPackage(name);
    if (exported) return { name, create: factoryOf(name, exported) };
  }
  const [name] = packages;
  throw new Error(`Cannot load ${JSON.stringify(name)}: it is not installed; npm install ${name}`);
}

/** Undefined: it is not installed, neither beside the gateway nor where that was started. */
async function importPackage(name: string): Promise<Exports | undefined> {
  try {
    return (await importHere(name)) ?? (await importFrom(process.cwd(), name));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`Cannot load ${JSON.stringify(name)}: ${reason}`, { cause: thrown });
  }
}

type Exports = Readonly<Record<string, unknown>>;

async function importHere(name: string): Promise<Exports | undefined> {
  return whereInstalled(name, () => import(name));
}

/** A gateway that is installed for all of a machine has the operator's packages in another place than its own. */
async function importFrom(folder: string, name: string): Promise<Exports | undefined> {
  const { resolve } = createRequire(join(folder, "package.json"));
  return whereInstalled(name, () => import(pathToFileURL(resolve(name)).href));
}

async function whereInstalled(
  name: string,
  load: () => Promise<Exports>,
): Promise<Exports | undefined> {
  try {
    return await load();
  } catch (thrown) {
    const { code, message } = fieldsOf(thrown);
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    // A package that is there may miss another one.
    if (isMissing && String(message).includes(`'${name}'`)) return undefined;
    throw thrown;
  }
}

/**
 * By the convention of the SDK's packages: `createX`. Where there are several, that which is called like the package.
 */
function factoryOf(name: string, exported: Exports): ProviderFactory {
  const factories = Object.entries(exported).filter((entry): entry is [string, ProviderFactory] => {
    const [exportName, value] = entry;
    return /^create[A-Z]/.test(exportName) && typeof value === "function";
  });
  const distinct = new Map(factories.map(([exportName, factory]) => [factory, exportName]));
  const [only] = distinct.keys();
  if (only && distinct.size === 1) return only;
  const namesake = factories.find(([exportName]) => namesOf(name).has(lettersOf(exportName)));
  if (namesake) return namesake[1];
  const found = factories.map(([exportName]) => exportName).join(", ") || "none";
  throw new Error(
    `Cannot use ${JSON.stringify(name)}: a provider of the AI SDK exports one create function, it has ${found}`,
  );
}

/** `@openrouter/ai-sdk-provider` and `ollama-ai-provider-v2` make `createOpenRouter` and `createOllama`. */
function namesOf(name: string): Set<string> {
  const parts = name.replace(/^@/, "").split("/");
  const plain = parts.map((part) =>
    part.replace(/[-_]?(vercel|ai-sdk|ai-provider|provider|v\d+)\b[-_]?/g, ""),
  );
  return new Set([...parts, ...plain].map((part) => `create${lettersOf(part)}`));
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}
