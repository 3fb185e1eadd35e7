// The connection to one source: opened again for ever, longer apart each time.

import { Delay, readMessage } from './message.js';
import { SILENCE } from './standing.js';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;

export class Link {
  #hear; #lost;
  #source = null;
  #socket = null;
  #pause = FIRST_PAUSE;
  #timer = 0;

  /** `hear` gets every message; `lost` is told of every connection that ended or never came about. */
  constructor({ hear, lost }) {
    this.#hear = hear;
    this.#lost = lost;
    addEventListener('online', () => { if (this.#source !== null && !this.#socket) this.open(this.#source); });
  }

  /** Listens to this source from now on, and to no other. */
  open(source) {
    this.close();
    this.#source = source;
    const url = new URL('/v1/live/ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.search = new URLSearchParams({ source, mask: 'polygons', picture: 'jpeg' });
    const socket = this.#socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const delay = new Delay();
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      const arrived = performance.now();
      let message;
      try { message = readMessage(data); } catch { return this.#retry(); }
      if (message.header.source !== source) return;
      this.#pause = FIRST_PAUSE;
      this.#wait(socket);
      this.#hear({ ...message, arrived, sent: arrived - delay.of(message.header.at_ms, arrived) });
    };
    socket.onclose = () => { if (socket === this.#socket) this.#retry(); };
    this.#wait(socket);
  }

  /** Listens no more. */
  close() {
    this.#drop();
    this.#source = null;
  }

  // A connection that says nothing may be none any more, and nobody tells.
  #wait(socket) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { if (socket === this.#socket) this.#retry(); }, SILENCE);
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #retry() {
    this.#drop();
    // Viewers that were cut off together do not all come back at once.
    this.#timer = setTimeout(() => this.open(this.#source), this.#pause * (.75 + Math.random() / 2));
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    this.#lost();
  }
}
