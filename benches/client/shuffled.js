/** Returns the same in another order, each as likely as any other. */
export function shuffled(list) {
  const keyed = list.map((entry) => ({ entry, key: Math.random() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ entry }) => entry);
}
