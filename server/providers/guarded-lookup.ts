import type { LookupAddress } from "node:dns";
import { Resolver } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { isLoopbackAddress, isPublicAddress } from "./public-address.ts";

/** Which hosts may be reached, and how their names are resolved. */
export interface Reach {
  /** For tests, which have no public host to ask. */
  readonly allowsLoopback?: true;
  /** The addresses of a name; none where it is unknown. Those of the DNS by default. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** Whether a URL's host may be connected to, as far as it tells by itself: a name is judged by its lookup. */
export function isOpen(hostname: string, { allowsLoopback }: Reach): boolean {
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(address) === 0) return true;
  return isPublicAddress(address) || (allowsLoopback === true && isLoopbackAddress(address));
}

/** A `lookup` for sockets, which connect to what it answers and to nothing else. */
export function guardedLookup(reach: Reach): LookupFunction {
  return async (hostname, { all }, answer) => {
    const addresses = await openAddresses(hostname, reach);
    const [first] = addresses;
    if (!first) answer(new Error("no host that may be reached"), "");
    else if (all) answer(null, addresses);
    else answer(null, first.address, first.family);
  };
}

/** None where even one of them may not be reached: such a name is either a mistake or an attempt. */
async function openAddresses(hostname: string, reach: Reach): Promise<LookupAddress[]> {
  const found = await (reach.resolve ?? resolveName)(hostname).catch(() => []);
  const addresses = found.map((address) => ({ address, family: isIP(address) }));
  return addresses.every(({ address, family }) => family !== 0 && isOpen(address, reach))
    ? addresses
    : [];
}

/**
 * By the DNS alone: `dns.lookup` would read the machine's own list of hosts and search domains too, and each slow name would
 * hold one of the threads that resolve the upstreams' names.
 */
async function resolveName(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const found = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  return found.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
}
