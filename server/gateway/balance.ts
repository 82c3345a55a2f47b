import type { Deployment } from "../providers/deployment.ts";

/**
 * The deployments of a group in the order in which a call tries them: shuffled, so that each comes first as often as its
 * weight has it. One with weight 0 comes only after all others. Those that cannot be called are left out.
 */
export function balance(
  deployments: readonly Deployment[],
  random: () => number = Math.random,
): Deployment[] {
  const callable = deployments.filter(({ unavailable }) => unavailable === undefined);
  if (callable.length < 2) return callable;
  // Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): the largest of u^(1/w) is drawn with
  // probability in proportion to w; sorting by it is drawing without putting back. Logarithms keep small weights apart.
  return callable
    .map((deployment) => ({
      deployment,
      lot: deployment.weight === 0 ? -Infinity : Math.log(1 - random()) / deployment.weight,
    }))
    .toSorted((left, right) => right.lot - left.lot || 0)
    .map(({ deployment }) => deployment);
}
