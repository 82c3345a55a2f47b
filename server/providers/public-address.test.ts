import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isOpen } from "./guarded-lookup.ts";
import { isPublicAddress } from "./public-address.ts";

test.each(["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"])(
  "%s is public",
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each(["", "images.example", "127.1", "::ffff:1.1.1.1", "fe80::1%eth0", "5f00::1"])(
  "%s is not",
  (address) => {
    expect(isPublicAddress(address)).toBe(false);
  },
);

const privateBlocks = [
  [0x0a000000, 8],
  [0x7f000000, 8],
  [0x64400000, 10],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0a80000, 16],
  [0xe0000000, 4],
] as const;

const privateAddress = fc
  .record({ block: fc.constantFrom(...privateBlocks), rest: fc.nat(0xffffffff) })
  .map(({ block: [network, prefix], rest }) => network + (rest % 2 ** (32 - prefix)));

function octets(address: number): number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
}

const hex = (number: number) => number.toString(16);
const spellings: ((address: number) => string)[] = [
  String,
  (address) => `0x${hex(address)}`,
  (address) => octets(address).join("."),
  (address) =>
    octets(address)
      .map((octet) => `0x${hex(octet)}`)
      .join("."),
  (address) =>
    octets(address)
      .map((octet) => `0${octet.toString(8)}`)
      .join("."),
  (address) => `${Math.floor(address / 2 ** 24)}.${address % 2 ** 24}`,
  (address) => `[::ffff:${octets(address).join(".")}]`,
  (address) => `[64:ff9b::${octets(address).join(".")}]`,
  (address) => `[2002:${hex(Math.floor(address / 65_536))}:${hex(address % 65_536)}::1]`,
];

test("an address of a closed block is seen through, however it is spelt", () => {
  fc.assert(
    fc.property(privateAddress, fc.constantFrom(...spellings), (address, spell) => {
      expect(isOpen(new URL(`http://${spell(address)}/`).hostname, {})).toBe(false);
    }),
  );
});
