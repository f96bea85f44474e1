import { expect, it } from '@jest/globals';
import { Places } from './places.js';

const item = (name: string) => ({ name, place: -1 });

/** Who stands there. */
function namesIn(places: Places<{ name: string; place: number }>): string[] {
  const names: string[] = [];
  places.forEach(({ name }) => names.push(name));
  return names.sort();
}

it('holds what has come and not gone', () => {
  const places = new Places<{ name: string; place: number }>();
  const [a, b, c] = [item('a'), item('b'), item('c')];
  for (const one of [a, b, c]) places.add(one);
  places.remove(a);
  expect(namesIn(places)).toEqual(['b', 'c']);
  places.remove(c);
  places.add(a);
  expect(namesIn(places)).toEqual(['a', 'b']);
  places.remove(b);
  places.remove(a);
  expect(places.size).toBe(0);
});

it('leaves alone what does not stand in it', () => {
  const [places, others] = [new Places<ReturnType<typeof item>>(), new Places<ReturnType<typeof item>>()];
  const [here, there] = [item('here'), item('there')];
  places.add(here);
  others.add(there);
  places.remove(there);
  places.remove(item('nowhere'));
  expect(namesIn(places)).toEqual(['here']);
  places.remove(here);
  places.remove(here);
  expect(places.size).toBe(0);
  expect(namesIn(others)).toEqual(['there']);
});

it('visits neither what goes nor what comes meanwhile, and nothing twice', () => {
  const places = new Places<ReturnType<typeof item>>();
  const [a, b, c, d] = [item('a'), item('b'), item('c'), item('d')];
  for (const one of [a, b, c]) places.add(one);
  const visited: string[] = [];
  places.forEach(({ name }) => {
    visited.push(name);
    if (name !== 'a') return;
    places.remove(a);
    places.remove(b);
    places.add(d);
  });
  expect(visited).toEqual(['a', 'c']);
  expect(namesIn(places)).toEqual(['c', 'd']);
});
