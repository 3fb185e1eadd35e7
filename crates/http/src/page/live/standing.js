// What may be shown now: a function of what was heard, what is drawn and the time, and of nothing else.

/** Beyond its budget a picture may be so much older here, ms: what networks and browsers take. */
export const ALLOWANCE = 100;
/** Without a message for so long there is no connection, ms. */
export const SILENCE = 2000;

/**
 * Every state: its words, its sign (a symbol of live.html) and what it means. An `answer` is the model's, to the picture
 * that is shown with it; in any other state something is amiss, and the picture is dimmed and hatched.
 */
export const STATES = {
  'mask': { answer: true, words: 'MASK', says: '' },
  'nothing-found': { answer: true, words: 'NOTHING FOUND', says: 'The model marks nothing in this picture.' },
  'unsure': { answer: true, words: 'UNSURE', says: 'Not sure enough to be shown.' },
  'wrong-modality': { answer: true, words: 'WRONG MODALITY', says: 'The picture does not look like the modality chosen. No mask is shown.' },
  'connecting': { words: 'CONNECTING', says: 'Asking the device for its video.' },
  'starting': { words: 'STARTING', says: 'The source is being opened.' },
  'stale': { words: 'STALE', says: 'The newest answer is too old to be shown.' },
  'overload': { words: 'OVERLOAD', says: 'The device cannot keep up: its masks come too late to be shown.' },
  'no-signal': { words: 'NO SIGNAL', says: 'No pictures come from the source. Check its cable.' },
  'model-fault': { words: 'MODEL FAULT', says: 'The model cannot be used.' },
  'ended': { words: 'ENDED', says: 'The recording is over.' },
  'no-source': { words: 'NO SOURCE', says: 'The video asked for is not there.' },
  'no-connection': { words: 'NO CONNECTION', says: 'Nothing is heard from the device. Trying again.' },
};

/** Age of a message's picture, ms; of none, beyond any limit. */
export const age = (message, now) => (message.header.age_ms ?? Infinity) + (now - message.sent);

/**
 * The state that may be shown. `heard` is the newest message, `drawn` the one whose picture is on the screen (null before
 * any), `since` when we began to listen. A message has its `header`, when it `arrived`, and when it was `sent`, by our clock.
 */
export function standing({ heard, drawn, since }, now) {
  if (now - (heard?.arrived ?? since) > SILENCE) return 'no-connection';
  if (!heard) return 'connecting';
  const { state } = heard.header;
  if (!STATES[state]?.answer) return state;
  // A picture and its answer stay together: until the newest is drawn, the one before stands, as long as it may.
  if (!drawn || !STATES[drawn.header.state]?.answer) return 'starting';
  const old = age(drawn, now) > drawn.header.budget_ms + ALLOWANCE;
  const silent = now - heard.arrived > heard.header.budget_ms + ALLOWANCE;
  return silent || (old && !drawn.header.frozen) ? 'stale' : drawn.header.state;
}

/** What a state is called; one of a newer server goes by its name. `presence` is what the model says of the picture's. */
export function about(state, presence) {
  if (state === 'unsure' && presence?.state === 'unsure') return { ...STATES.unsure, says: 'Not sure enough that anything is there to be shown.' };
  return STATES[state] ?? { words: String(state).toUpperCase().replaceAll('-', ' '), says: 'No mask is shown.' };
}
