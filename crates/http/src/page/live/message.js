// What comes over the WebSocket: a big-endian u32, the length of a JSON header, the header, and a picture or nothing.

/** Takes a message apart; throws if it is none, or if it does not say how old it is: that would never be too old. */
export function readMessage(buffer) {
  const length = new DataView(buffer).getUint32(0);
  if (4 + length > buffer.byteLength) throw new RangeError('the header is longer than its message');
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const timed = ['at_ms', 'budget_ms'].every(name => Number.isFinite(header[name]));
  if (!timed || header.picture && !Number.isFinite(header.age_ms)) throw new TypeError('the header has no times');
  const picture = header.payload ? new Blob([new Uint8Array(buffer, 4 + length)], { type: header.payload }) : null;
  return { header, picture };
}

/**
 * How much later than the quickest message so far each one comes. Messages that queue up on the way arrive in good order and
 * at a good rate, and their `age_ms` is of the time they were sent: only the two clocks side by side show the delay.
 */
export class Delay {
  #least = Infinity;
  #before = 0;

  /** Of a message sent at that time by the sender's clock; all in ms. */
  of(sent, arrived) {
    const apart = arrived - sent;
    // Two clocks drift apart by less than 100 parts in a million.
    this.#least = Math.min(apart, this.#least + Math.max(0, arrived - this.#before) * 1e-4);
    this.#before = arrived;
    return apart - this.#least;
  }
}
