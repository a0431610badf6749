import { NODE_HEIGHT, type PlacedStep } from './layout';

/** The step that a key leads to from the step `at`: the nearest one in its direction; `null` where there is none. */
export function neighbour(steps: readonly PlacedStep[], at: string, key: string): string | null {
  const from = steps.find(({ name }) => name === at);
  if (from === undefined) {
    return null;
  }
  const middle = ({ x, width }: PlacedStep) => x + width / 2;
  const across = (step: PlacedStep) => Math.abs(middle(step) - middle(from));
  const down = (step: PlacedStep) => Math.abs(step.y - from.y);
  const isBeside = (step: PlacedStep) => down(step) < NODE_HEIGHT;
  const isThere: Readonly<Record<string, (step: PlacedStep) => boolean>> = {
    ArrowDown: step => step.y >= from.y + NODE_HEIGHT,
    ArrowUp: step => step.y <= from.y - NODE_HEIGHT,
    ArrowRight: step => isBeside(step) && middle(step) > middle(from),
    ArrowLeft: step => isBeside(step) && middle(step) < middle(from)
  };
  if (key === 'Home' || key === 'End') {
    return steps.at(key === 'Home' ? 0 : -1)!.name;
  }
  const candidates = isThere[key] ? steps.filter(isThere[key]) : [];
  candidates.sort((one, other) => down(one) - down(other) || across(one) - across(other));
  return candidates[0]?.name ?? null;
}
