import { z } from "zod";

/** Text without control characters or halves of surrogate pairs, which a database column and a header cannot hold. */
export const plainText = z
  .string()
  // oxlint-disable-next-line no-control-regex -- control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must not contain control characters")
  .refine((text) => text.isWellFormed(), "must not contain lone surrogates");

/** Where a caller may come from. */
export const address = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "must be an IP address or a CIDR range",
});
