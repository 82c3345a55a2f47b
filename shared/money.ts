/** An amount of money: an integer of picodollars (1e-12 USD). Sums are exact; nothing is rounded on the way. */
export type Picodollars = bigint;

/** Of an amount in USD. */
const decimals = 12;

/**
 * Reads an amount of USD as it stands in a config file or a request, exactly: `0.1` is 100,000,000,000 picodollars.
 *
 * A number is read by its shortest decimal form, so what was typed is what is meant.
 * @throws RangeError when it is not a finite decimal, or is finer than a picodollar.
 */
export function picodollarsFromUsd(usd: number | string): Picodollars {
  const match = /^(-?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(String(usd).trim());
  if (!match) throw new RangeError(`Cannot read "${usd}" as an amount of USD`);
  const [, sign, whole = "0", fraction = "", exponent = "0"] = match;
  const shift = decimals - fraction.length + Number(exponent);
  if (Math.abs(shift) > 60)
    throw new RangeError(`Cannot read "${usd}" as an amount of USD: it is out of range`);
  const digits = BigInt(whole + fraction);
  const scale = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % scale !== 0n)
    throw new RangeError(`Cannot read "${usd}" as an amount of USD: it is finer than 1e-12`);
  const amount = shift < 0 ? digits / scale : digits * scale;
  return sign === "-" ? -amount : amount;
}

/** The JSON number of USD that the wire carries: the double nearest to the exact amount. */
export function usdFromPicodollars(amount: Picodollars): number {
  return Number(usdTextFromPicodollars(amount));
}

/** The exact amount in USD as decimal text, without trailing zeros: `"0.0001065"`. */
export function usdTextFromPicodollars(amount: Picodollars): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(1 + decimals, "0");
  const point = digits.length - decimals;
  let end = digits.length;
  while (end > point && digits[end - 1] === "0") end -= 1;
  const fraction = end > point ? `.${digits.slice(point, end)}` : "";
  return `${amount < 0n ? "-" : ""}${digits.slice(0, point)}${fraction}`;
}
