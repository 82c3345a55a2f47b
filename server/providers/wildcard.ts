/** What stands for the `*` of `openai/*` in a name, never nothing; undefined when the name does not fit or no `*` is there. */
export function captured(pattern: string, name: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star === -1) return undefined;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  if (name.length <= head.length + tail.length || !name.startsWith(head) || !name.endsWith(tail))
    return undefined;
  return name.slice(head.length, name.length - tail.length);
}
