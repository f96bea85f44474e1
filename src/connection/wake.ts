/** Something that works off its mailbox when woken. */
export interface Wakeable {
  wake(): void;
}

let ready: Wakeable[] = [];

/** Wakes `sleeper` from a microtask: info never runs inside its sender's call. One microtask serves all that wait for one. */
export function wakeSoon(sleeper: Wakeable): void {
  if (ready.push(sleeper) === 1) queueMicrotask(wakeAll);
}

function wakeAll(): void {
  const sleepers = ready;
  ready = [];
  for (const sleeper of sleepers) sleeper.wake();
}
