import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * Blocks that no public host answers in. Source: https://www.iana.org/assignments/iana-ipv4-special-registry; the last is where
 * Azure's machines reach their host, among public addresses.
 */
const closedV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["168.63.129.16", 32],
] as const;

/** Global unicast: whatever is outside of it is not public, NAT64's `64:ff9b::/96` and IPv4 in disguise included. */
const openV6 = ["2000::", 3] as const;

/**
 * Blocks within it that are not: Teredo and the rest of the IETF's own, documentation, and 6to4, which leads to IPv4. Source:
 * https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const closedV6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const closed = new BlockList();
for (const [network, prefix] of closedV4) closed.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of closedV6) closed.addSubnet(network, prefix, "ipv6");
const open = new BlockList();
open.addSubnet(...openV6, "ipv6");

/** Whether an IP address is one of the public internet's. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, "ipv4");
  return isIPv6(address) && open.check(address, "ipv6") && !closed.check(address, "ipv6");
}

export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}
